import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createServer } from 'node:tls'
import { fails, openCertRoom as openRoom } from '../../../../test/support/certificates/cert-room.ts'
import { makeMail, makePaper } from '../../../../test/support/certificates/paper-ca.ts'

const HOST = 'www.example.com'

describe('`berth cert install`', () => {
  const { root, upper, lower, leaf } = makeMail([HOST])

  it('installs what was mailed, root first, and says what it left out', async () => {
    await using room = await openRoom()
    const papers = { 'AddTrustRoot.crt': root, 'upper.crt': upper, 'lower.crt': lower, 'www.crt': leaf }
    for (const [name, { pem }] of Object.entries(papers)) await room.put(name, pem.replaceAll('\n', '\r\n'))
    await room.put('www.key', leaf.keyPem)
    const args = ['install', HOST, ...Object.keys(papers), 'www.key', '--certs', 'certs']
    const { certFile, certificates, mended, findings } = await room.json(args)
    assert.equal(certFile, join(room.certs, `${HOST}.crt`))
    assert.equal(await readFile(certFile, 'utf8'), `${leaf.pem}${lower.pem}${upper.pem}`)
    assert.deepEqual(certificates, [`CN=${HOST}`, 'CN=Paper lower', 'CN=Paper upper'])
    const codes = (list: { code: string }[]): string[] => list.map(({ code }) => code)
    assert.deepEqual(codes(mended), ['LEAF_NOT_FIRST', 'ROOT_INCLUDED'])
    assert.deepEqual(codes(findings), ['ROOT_UNTRUSTED'])
    const { stdout } = await room.run(args)
    assert.match(stdout, /\nPut right: The file begins with Paper root in place of /)
    assert.doesNotMatch(stdout, /ERROR|LEAF_NOT_FIRST/, 'nothing that was put right is left to be done')
  })

  it('finds the key where `berth cert csr` wrote it, and where the last certificate has it', async () => {
    await using room = await openRoom()
    await room.put('bundle.crt', `${root.pem}${upper.pem}${lower.pem}${leaf.pem}`)
    await room.put('www_example_com.key', leaf.keyPem)
    await room.json(['install', HOST, 'bundle.crt', '--certs', 'certs'])
    await room.put('www_example_com.key', makePaper('other').keyPem)
    await room.json(['install', HOST, 'bundle.crt', '--certs', 'certs'])
  })

  it('reads an encrypted key with the passphrase of standard input, and of a terminal', async () => {
    await using room = await openRoom()
    const options = {
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'open sesame',
    } as const
    await room.put('all.pem', `${root.pem}${upper.pem}${lower.pem}${leaf.pem}${leaf.key.export(options)}`)
    const args = ['install', HOST, 'all.pem', '--certs', 'certs']
    fails(await room.run(args), 'CERTIFICATE_KEY_ENCRYPTED')
    fails(await room.run([...args, '--passphrase-stdin'], { stdin: 'wrong\n' }), 'CERTIFICATE_KEY_ENCRYPTED')
    await room.json([...args, '--passphrase-stdin'], { stdin: 'open sesame\n' })
    assert.match(await readFile(join(room.certs, `${HOST}.key`), 'utf8'), /BEGIN PRIVATE KEY/)
    assert.equal((await room.run(args, { typed: ['open sesame\r'] })).code, 0)
  })

  it('says what is missing or wrong, and installs nothing then', async () => {
    await using room = await openRoom()
    const expired = makePaper(HOST, { by: lower, names: [HOST], days: [-9, -1] })
    const files = {
      leaf: leaf.pem,
      key: leaf.keyPem,
      cas: `${root.pem}${upper.pem}${lower.pem}`,
      other: makePaper('other').keyPem,
      expired: `${expired.pem}${expired.keyPem}`,
      zip: 'PK\x03\x04',
    }
    for (const [name, text] of Object.entries(files)) await room.put(name, text)
    const table: readonly (readonly [args: readonly string[], error: string])[] = [
      [[HOST, 'leaf', 'cas'], 'CERTIFICATE_KEY_MISSING'],
      [[HOST, 'leaf', 'cas', 'other'], 'CERTIFICATE_KEY_MISMATCH'],
      [[HOST, 'leaf', 'key'], 'CERTIFICATE_INCOMPLETE'],
      [['other.example.com', 'leaf', 'cas', 'key'], 'CERTIFICATE_NAME_MISMATCH'],
      [[HOST, 'expired', 'cas'], 'CERTIFICATE_EXPIRED'],
      [[HOST, 'cas', 'key'], 'CERTIFICATE_NOT_FOUND'],
      [[HOST, 'zip'], 'CERTIFICATE_NOT_FOUND'],
      [[HOST, 'nowhere'], 'CERTIFICATE_UNREADABLE'],
      [[HOST, '.'], 'CERTIFICATE_UNREADABLE'],
      [[HOST, '/dev/null'], 'CERTIFICATE_UNREADABLE'],
      [['no host', 'leaf'], 'CERTIFICATE_NAME_INVALID'],
    ]
    for (const [args, error] of table) fails(await room.run(['install', ...args, '--certs', 'certs']), error)
    assert.deepEqual(await readdir(room.certs), [])
    await room.json(['install', HOST, 'leaf', 'key', '--certs', 'certs', '--force'])
    fails(
      await room.run(['install', HOST, 'leaf', 'cas', 'key', '--certs', 'leaf']),
      'CERTIFICATE_FOLDER_UNUSABLE',
    )
  })

  it('says that only certificates of CAs were given, also where a key of the host lies about', async () => {
    await using room = await openRoom()
    await room.put('cas', `${root.pem}${upper.pem}${lower.pem}`)
    await room.put('root', root.pem)
    await room.put('www_example_com.key', leaf.keyPem)
    for (const file of ['cas', 'root']) {
      const result = await room.run(['install', HOST, file, '--certs', 'certs'])
      fails(result, 'CERTIFICATE_NOT_FOUND')
      assert.match(result.stderr, /hold certificates of CAs only/)
    }
  })

  it('is not misled by the keys of an own CA', async () => {
    await using room = await openRoom()
    const all = [root, upper, lower, leaf].map(({ pem }) => pem).join('')
    await room.put('all', `${all}${root.keyPem}${upper.keyPem}${lower.keyPem}`)
    fails(await room.run(['install', HOST, 'all', '--certs', 'certs']), 'CERTIFICATE_KEY_MISMATCH')
    await room.put('www_example_com.key', leaf.keyPem)
    const { certificates } = await room.json(['install', HOST, 'all', '--certs', 'certs'])
    assert.equal(certificates[0], `CN=${HOST}`)
  })

  it('asks before it fetches, and asks the public internet alone', async () => {
    await using room = await openRoom()
    let requests = 0
    const server = createHttpServer((_, response) => {
      requests++
      response.end(lower.pem)
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const pointing = makePaper(HOST, { by: lower, names: [HOST], issuerUrls: [`http://127.0.0.1:${port}/`] })
    await room.put('all', `${pointing.pem}${pointing.keyPem}`)
    const args = ['install', HOST, 'all', '--certs', 'certs']
    fails(await room.run(args), 'CERTIFICATE_INCOMPLETE')
    fails(await room.run([...args, '--fetch-missing']), 'CERTIFICATE_ISSUER_UNAVAILABLE')
    fails(await room.run(args, { typed: ['y'] }), 'CERTIFICATE_ISSUER_UNAVAILABLE')
    server.close()
    assert.equal(requests, 0)
  })
})

describe('`berth cert check`', () => {
  const { root, upper, lower, leaf } = makeMail([HOST])
  const chain = `${leaf.pem}${lower.pem}${upper.pem}`

  it('accepts what is right, with a root of one’s own', async () => {
    await using room = await openRoom()
    await room.put('all', `${chain}${leaf.keyPem}`)
    await room.put('root', root.pem)
    const { certificates } = await room.json(['check', 'all', '--host', HOST, '--ca', 'root'])
    assert.deepEqual([certificates[0].isAccepted, certificates[0].findings], [true, []])
  })

  it('names each fault of files, and fails', async () => {
    await using room = await openRoom()
    await room.put('all', `${root.pem}${leaf.pem}`)
    await writeFile(room.path('key'), makePaper('x').keyPem, { mode: 0o644 })
    const result = await room.run(['check', 'all', 'key', '--host', 'a.example.org'])
    fails(result, 'CERTIFICATE_FAULTY')
    for (const code of [
      'KEY_MISMATCH',
      'NAME_NOT_COVERED',
      'LEAF_NOT_FIRST',
      'INTERMEDIATE_MISSING',
      'KEY_READABLE',
    ])
      assert.match(result.stdout, new RegExp(`\\[${code}\\]`))
  })

  it('judges a live host by what it serves, and compares it with the folder', async () => {
    await using room = await openRoom()
    await room.put('root', root.pem)
    const server = createServer({ cert: chain, key: leaf.keyPem }, (socket) => socket.end()).listen(
      0,
      '127.0.0.1',
    )
    server.on('tlsClientError', () => {})
    await new Promise((resolve) => server.once('listening', resolve))
    const target = `${HOST}:${(server.address() as AddressInfo).port}`
    const args = ['check', target, '--connect', '127.0.0.1', '--ca', 'root', '--certs', 'certs']
    const { certificates } = await room.json(args)
    assert.deepEqual([certificates[0].isAccepted, certificates[0].findings], [true, []])
    server.setSecureContext({ cert: leaf.pem, key: leaf.keyPem })
    const renewed = makePaper(HOST, { by: lower, names: [HOST] })
    await writeFile(join(room.certs, `${HOST}.crt`), renewed.pem)
    await writeFile(join(room.certs, `${HOST}.key`), renewed.keyPem)
    const result = await room.run(args)
    server.close()
    fails(result, 'CERTIFICATE_FAULTY')
    assert.match(result.stdout, /\[INTERMEDIATE_MISSING\]/)
    assert.match(result.stdout, /\[SERVED_DIFFERS\]/)
  })

  it('checks every pair of the folder, each for its host', async () => {
    await using room = await openRoom()
    await writeFile(join(room.certs, `${HOST}.crt`), leaf.pem)
    await writeFile(join(room.certs, 'other.example.crt'), `${chain}`)
    await writeFile(join(room.certs, 'other.example.key'), leaf.keyPem, { mode: 0o600 })
    const result = await room.run(['check', '--certs', 'certs'])
    fails(result, 'CERTIFICATE_FAULTY')
    for (const code of ['KEY_MISSING', 'NAME_NOT_COVERED'])
      assert.match(result.stdout, new RegExp(`\\[${code}\\]`))
  })

  it('says that a host does not answer, and that a target is none', async () => {
    await using room = await openRoom()
    fails(await room.run(['check', 'localhost:1']), 'CERTIFICATE_HOST_UNREACHABLE')
    fails(await room.run(['check', 'a:b:c']), 'USAGE')
  })

  it('does not look for files in the DNS', async () => {
    await using room = await openRoom()
    await symlink('loop', room.path('loop'))
    for (const file of ['bundle.crt', 'my.KEY', './bundle', 'mail/www', 'certs/', 'loop'])
      fails(await room.run(['check', file]), 'CERTIFICATE_UNREADABLE')
  })
})

describe('`berth cert list`, `self-signed` and `ca`', () => {
  it('makes, installs and lists certificates', async () => {
    await using room = await openRoom()
    const certs = ['--certs', 'certs']
    await room.json(['self-signed', 'a.example.com', '*.a.example.com', ...certs])
    await room.json(['self-signed', '--ca', '--new', 'registry.local', '10.0.0.1', ...certs])
    await room.put('certs/broken.example.crt', 'rubbish')
    const { certificates } = await room.json(['list', ...certs])
    const rows = certificates.map(({ name, names, isSelfSigned, problem }: Record<string, unknown>) => [
      ...[name, names, isSelfSigned, problem === null],
    ])
    assert.deepEqual(rows, [
      ['a.example.com', ['a.example.com', '*.a.example.com'], true, true],
      ['broken.example', [], false, false],
      ['registry.local', ['registry.local', '10.0.0.1'], false, true],
    ])
    const { stdout } = await room.run(['list', ...certs])
    assert.match(stdout, /^NAME {2,}HOSTS/)
    assert.ok(!stdout.includes('PRIVATE KEY') && !JSON.stringify(certificates).includes('PRIVATE KEY'))
    const ca = new X509Certificate((await room.run(['ca'])).stdout)
    const leaf = new X509Certificate(await readFile(join(room.certs, 'registry.local.crt')))
    assert.ok(leaf.verify(ca.publicKey))
    const { chainPem } = await room.json(['self-signed', 'a.local', '--ca', '--key', 'ec-384', '--out', '-'])
    assert.equal(new X509Certificate(chainPem).publicKey.asymmetricKeyDetails?.namedCurve, 'secp384r1')
  })

  it('warns of names that the own CA does not sign for, though they are requested', async () => {
    await using room = await openRoom()
    const made = await room.run(['ca', '--new', '--name', 'cache'])
    assert.deepEqual([made.code, made.stderr], [0, ''])
    const late = await room.run(['ca', '--name', 'cache', 'hub', 'hub.example.com'])
    assert.equal(late.code, 0)
    assert.match(
      late.stderr,
      /^warning: Berth's own CA does not sign for hub, hub\.example\.com: only local names/,
    )
    assert.equal(late.stdout, made.stdout)
  })

  it('writes files elsewhere with --out, and never over others', async () => {
    await using room = await openRoom()
    const { certFile, keyFile } = await room.json(['self-signed', 'a.test', '--out', '.', '--days', '7'])
    assert.deepEqual([certFile, keyFile], [room.path('a.test.crt'), room.path('a.test.key')])
    fails(await room.run(['self-signed', 'a.test', '--out', '.']), 'CERTIFICATE_FILE_EXISTS')
    fails(await room.run(['self-signed', 'a.test', '--days', '400']), 'USAGE')
    fails(await room.run(['self-signed', '--ca', '--new', 'example.com']), 'CERTIFICATE_NAME_INVALID')
  })

  it('says that there is nothing, and where it looked', async () => {
    await using room = await openRoom()
    const { stdout } = await room.run(['list', '--certs', 'certs'])
    assert.match(stdout, /no certificates in .*certs and .*berth-data/)
  })

  it('makes no CA and no data folder without --new', async () => {
    await using room = await openRoom()
    fails(await room.run(['ca']), 'DATA_NOT_FOUND')
    fails(await room.run(['self-signed', '--ca', 'a.local', '--certs', 'certs']), 'DATA_NOT_FOUND')
    fails(await room.run(['self-signed', 'a.test']), 'DATA_NOT_FOUND')
    assert.deepEqual(await readdir(room.path()), ['certs'])
    await mkdir(room.path('berth-data', 'certificates'), { recursive: true })
    const refused = await room.run(['ca'])
    fails(refused, 'CERTIFICATE_AUTHORITY_MISSING')
    assert.match(refused.stderr, /--new makes it now/)
    assert.deepEqual(await readdir(room.path('berth-data', 'certificates')), [])
    const made = await room.run(['ca', '--new'])
    assert.equal((await room.run(['ca', '--new'])).stdout, made.stdout, 'what exists is not replaced')
  })

  it('takes the folder from the settings, too', async () => {
    await using room = await openRoom()
    await room.json(['self-signed', 'a.test'], { env: { BERTH_CERTS: room.certs } })
    assert.deepEqual((await readdir(room.certs)).toSorted(), ['.pairs', 'a.test.crt', 'a.test.key'])
  })
})
