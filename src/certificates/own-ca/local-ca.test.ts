import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, it, test } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { makeSelfSigned } from '../x509/write/self-signed.ts'
import { isSelfSigned, namesOf } from '../x509/x509-facts.ts'
import { LocalAuthority } from './local-ca.ts'

const DAY_MS = 86_400_000

describe('`LocalAuthority`', () => {
  it('is made once, for its owner alone, also by several at a time', async () => {
    await using temp = await makeTempFolder('ca')
    const folder = join(temp.path, 'certificates', 'ca')
    const all = await Promise.all(Array.from({ length: 4 }, () => LocalAuthority.open({ folder })))
    const again = await LocalAuthority.open({ folder })
    for (const { fingerprint } of all) assert.equal(fingerprint, again.fingerprint)
    assert.deepEqual(await readdir(folder), ['authority.pem'])
    assert.equal((await stat(join(folder, 'authority.pem'))).mode & 0o777, 0o600)
    for (const made of [folder, dirname(folder)]) assert.equal((await stat(made)).mode & 0o777, 0o700, made)
    assert.ok(!again.certificatePem.includes('PRIVATE KEY'))
  })

  it('signs for local names and private addresses alone', async () => {
    await using temp = await makeTempFolder('ca')
    const authority = await LocalAuthority.open({ folder: temp.path, names: ['cache'] })
    const covered = [
      'app.local',
      '*.app.internal',
      'localhost',
      'registry',
      'cache',
      'a.test',
      'x.home.arpa',
      '10.1.2.3',
    ]
    const foreign = [
      'example.com',
      'local.example.com',
      'notlocal',
      '8.8.8.8',
      '2606:4700::1',
      'arpa',
      'xlocal',
      '',
    ]
    for (const name of [...covered, '::1', 'fd00::7']) assert.ok(authority.covers(name), name)
    for (const name of foreign) {
      assert.ok(!authority.covers(name), name)
      assert.equal(authority.find(name), undefined)
    }
    assert.throws(() => authority.issue(['a.local', 'example.com']), { code: 'CERTIFICATE_NAME_INVALID' })
  })

  it('issues what clients take: names, life, signature', async () => {
    await using temp = await makeTempFolder('ca')
    const authority = await LocalAuthority.open({ folder: temp.path })
    const ca = new X509Certificate(authority.certificatePem)
    const { chainPem, keyPem } = authority.issue(['app.local', '192.168.1.1'], { days: 9999 })
    const leaf = new X509Certificate(chainPem)
    assert.deepEqual(namesOf(leaf), { dns: ['app.local'], addresses: ['192.168.1.1'] })
    assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey) && !leaf.ca && ca.ca)
    const days = (leaf.validToDate.getTime() - Date.now()) / DAY_MS
    assert.ok(days > 396 && days <= 397, `${days}`)
    assert.match(keyPem, /BEGIN PRIVATE KEY/)
  })

  it('makes a certificate for a name once, and keeps a bounded number', async () => {
    await using temp = await makeTempFolder('ca')
    const authority = await LocalAuthority.open({ folder: temp.path })
    const first = authority.localCertificate('app.local')
    assert.equal(authority.localCertificate('APP.local.'), first)
    assert.ok(authority.find('app.local'))
    for (let n = 0; n < 200; n++) authority.find(`a${n}.local`)
    assert.notEqual(authority.localCertificate('app.local'), first)
  })

  it('says that its file is damaged, and leaves it as it is', async () => {
    await using temp = await makeTempFolder('ca')
    await writeFile(join(temp.path, 'authority.pem'), 'rubbish')
    await assert.rejects(LocalAuthority.open({ folder: temp.path }), {
      code: 'CERTIFICATE_FOLDER_UNUSABLE',
      message: /authority\.pem, is damaged$/,
    })
    assert.equal(await readFile(join(temp.path, 'authority.pem'), 'utf8'), 'rubbish')
  })
})

test('`makeSelfSigned()` signs for all names, addresses and punycode included', async () => {
  const names = ['bücher.example', '*.example.com', '10.0.0.1']
  const { chainPem } = await makeSelfSigned({ names, keyType: 'ec-256', days: 30, now: Date.now() })
  const certificate = new X509Certificate(chainPem)
  assert.ok(isSelfSigned(certificate))
  assert.deepEqual(namesOf(certificate), {
    dns: ['xn--bcher-kva.example', '*.example.com'],
    addresses: ['10.0.0.1'],
  })
})
