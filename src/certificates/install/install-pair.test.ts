import assert from 'node:assert/strict'
import {
  chown,
  lstat,
  lutimes,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makePaper } from '../../../test/support/certificates/paper-ca.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { LocalAuthority } from '../own-ca/local-ca.ts'
import { installPair, toPairName } from './install-pair.ts'

const NAME = 'app.example.com'

function makePair() {
  const { pem, keyPem } = makePaper(NAME, { names: [NAME] })
  return { chainPem: pem, keyPem }
}

describe('`installPair()`', () => {
  it('puts both files there, the key for its owner alone', async () => {
    await using temp = await makeTempFolder('install')
    const folder = join(temp.path, 'made', 'here')
    const pair = makePair()
    const { certFile, keyFile } = await installPair(folder, NAME, pair)
    assert.deepEqual([certFile, keyFile], [join(folder, `${NAME}.crt`), join(folder, `${NAME}.key`)])
    assert.equal(await readFile(certFile, 'utf8'), pair.chainPem)
    assert.equal(await readFile(keyFile, 'utf8'), pair.keyPem)
    assert.equal((await stat(keyFile)).mode & 0o777, 0o600)
    assert.equal((await stat(certFile)).mode & 0o777, 0o644)
    assert.deepEqual((await readdir(folder)).toSorted(), ['.pairs', `${NAME}.crt`, `${NAME}.key`])
  })

  it('makes folders for their owner alone', async () => {
    await using temp = await makeTempFolder('install')
    const folder = join(temp.path, 'certificates', 'installed')
    await installPair(folder, NAME, makePair())
    for (const made of [folder, join(folder, '..')])
      assert.equal((await stat(made)).mode & 0o777, 0o700, made)
  })

  it('makes nothing that is root\u2019s in the folder of another user', {
    skip: process.getuid?.() !== 0,
  }, async () => {
    await using temp = await makeTempFolder('install')
    await chown(temp.path, 65_534, 65_533)
    await installPair(join(temp.path, 'certificates', 'installed'), NAME, makePair())
    await LocalAuthority.open({ folder: join(temp.path, 'certificates', 'ca') })
    const made = await readdir(temp.path, { recursive: true })
    assert.ok(made.includes('certificates/ca/authority.pem'))
    for (const path of made) {
      const { uid, gid } = await lstat(join(temp.path, path))
      assert.deepEqual([uid, gid], [65_534, 65_533], path)
    }
  })

  it('has both files in one folder, which changes by one rename', async () => {
    await using temp = await makeTempFolder('install')
    const { certFile, keyFile } = await installPair(temp.path, NAME, makePair())
    const links = await Promise.all([certFile, keyFile].map((file) => readlink(file)))
    assert.deepEqual(links, [`.pairs/${NAME}/current/fullchain.pem`, `.pairs/${NAME}/current/key.pem`])
    const before = await realpath(join(temp.path, '.pairs', NAME, 'current'))
    await installPair(temp.path, NAME, makePair())
    assert.notEqual(await realpath(join(temp.path, '.pairs', NAME, 'current')), before)
    assert.deepEqual(await Promise.all([certFile, keyFile].map((file) => readlink(file))), links)
  })

  it('keeps what stood there: plain files, and another tool’s links', async () => {
    for (const isLink of [false, true]) {
      await using temp = await makeTempFolder('install')
      const old = makePair()
      const place = isLink ? join(temp.path, 'base') : temp.path
      await mkdir(place, { recursive: true })
      const [crt, key] = isLink ? ['fullchain.pem', 'key.pem'] : [`${NAME}.crt`, `${NAME}.key`]
      await writeFile(join(place, crt), old.chainPem)
      await writeFile(join(place, key), old.keyPem)
      if (isLink) {
        await symlink(`./base/${crt}`, join(temp.path, `${NAME}.crt`))
        await symlink(`./base/${key}`, join(temp.path, `${NAME}.key`))
      }
      await installPair(temp.path, NAME, makePair())
      const home = join(temp.path, '.pairs', NAME)
      const versions = (await readdir(home)).filter((name) => name !== 'current').sort()
      assert.equal(versions.length, 2)
      assert.equal(await readFile(join(home, versions[0] ?? '', 'key.pem'), 'utf8'), old.keyPem)
      assert.equal((await stat(join(home, versions[0] ?? '', 'key.pem'))).mode & 0o777, 0o600)
      if (isLink) assert.equal(await readFile(join(place, key), 'utf8'), old.keyPem)
    }
  })

  it('keeps what stood there byte for byte, also DER', async () => {
    await using temp = await makeTempFolder('install')
    const { certificate, keyPem } = makePaper(NAME, { names: [NAME] })
    await writeFile(join(temp.path, `${NAME}.crt`), certificate.raw)
    await writeFile(join(temp.path, `${NAME}.key`), keyPem)
    await installPair(temp.path, NAME, makePair())
    const home = join(temp.path, '.pairs', NAME)
    const [before = ''] = (await readdir(home)).filter((name) => name !== 'current').sort()
    assert.deepEqual(await readFile(join(home, before, 'fullchain.pem')), certificate.raw)
  })

  it('keeps two versions beside the one in use', async () => {
    await using temp = await makeTempFolder('install')
    for (let round = 0; round < 5; round++) await installPair(temp.path, NAME, makePair())
    const names = await readdir(join(temp.path, '.pairs', NAME))
    assert.equal(names.filter((name) => name !== 'current').length, 3)
  })

  it('leaves a whole pair, whoever else installs one at the same time', async () => {
    await using temp = await makeTempFolder('install')
    const pairs = Array.from({ length: 8 }, makePair)
    await Promise.all(pairs.map((pair) => installPair(temp.path, NAME, pair)))
    const [chainPem, keyPem] = await Promise.all(
      ['crt', 'key'].map((ending) => readFile(join(temp.path, `${NAME}.${ending}`), 'utf8')),
    )
    assert.ok(pairs.some((pair) => pair.chainPem === chainPem && pair.keyPem === keyPem))
    const left = (await readdir(join(temp.path, '.pairs', NAME))).filter((name) => name.startsWith('.'))
    assert.deepEqual(left, [], 'no drafts are left')
  })

  it('removes what a crash has left half-made', async () => {
    await using temp = await makeTempFolder('install')
    await installPair(temp.path, NAME, makePair())
    const home = join(temp.path, '.pairs', NAME)
    for (const name of ['old', 'young']) await symlink('nowhere', join(home, `.${name}.new`))
    const hourAgo = Date.now() / 1000 - 3600
    await lutimes(join(home, '.old.new'), hourAgo, hourAgo)
    await installPair(temp.path, NAME, makePair())
    assert.deepEqual(
      (await readdir(home)).filter((name) => name.startsWith('.')),
      ['.young.new'],
    )
  })

  it('leaves things as they are if the pair does not load', async () => {
    await using temp = await makeTempFolder('install')
    const good = makePair()
    const { certFile } = await installPair(temp.path, NAME, good)
    const bad = [
      [{ ...makePair(), keyPem: makePair().keyPem }, 'CERTIFICATE_KEY_MISMATCH'],
      [{ ...makePair(), keyPem: 'no key' }, 'CERTIFICATE_UNUSABLE'],
      [{ ...makePair(), chainPem: 'no certificate' }, 'CERTIFICATE_UNUSABLE'],
    ] as const
    for (const [pair, code] of bad) {
      await assert.rejects(installPair(temp.path, NAME, pair), { name: 'CertificateError', code })
    }
    assert.equal(await readFile(certFile, 'utf8'), good.chainPem)
  })

  it('takes no name that leads elsewhere, nor that of the CAs of all visitors', async () => {
    await using temp = await makeTempFolder('install')
    for (const name of ['../x', 'a/b', '.hidden', '', 'x\0y', 'a'.repeat(300), 'ca']) {
      await assert.rejects(installPair(temp.path, name, makePair()), { code: 'CERTIFICATE_NAME_INVALID' })
    }
    assert.deepEqual(await readdir(temp.path), [])
  })

  it('says that a folder cannot be written to', async () => {
    await using temp = await makeTempFolder('install')
    const file = join(temp.path, 'file')
    await writeFile(file, '')
    await assert.rejects(installPair(file, NAME, makePair()), {
      code: 'CERTIFICATE_FOLDER_UNUSABLE',
      remedy: /writable/,
    })
  })
})

it('`toPairName()` is the name nginx-proxy looks for', () => {
  assert.deepEqual(['App.example.com', '*.example.com', '2001:db8::1'].map(toPairName), [
    'app.example.com',
    'example.com',
    '2001_db8__1',
  ])
})
