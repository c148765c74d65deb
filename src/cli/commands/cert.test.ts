import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createServer } from 'node:tls'
import { makeMail, makePaper } from '../../../test/support/paper-ca.ts'
import { type CliCall, type CliResult, runCli } from '../../../test/support/run-cli.ts'
import { makeTempFolder } from '../../../test/support/temp-folder.ts'

const HOST = 'www.example.com'

/** A folder to work in, and a way to run commands there. */
async function openRoom() {
  const temp = await makeTempFolder('cert')
  const cwd = temp.path
  const certs = join(cwd, 'certs')
  await mkdir(certs)
  return {
    certs,
    path: (...names: string[]) => join(cwd, ...names),
    put: (name: string, text: string | Buffer) => writeFile(join(cwd, name), text, { mode: 0o600 }),
    run: (args: readonly string[], call: CliCall = {}): Promise<CliResult> =>
      runCli(['cert', ...args], { ...call, cwd }),
    json: async (args: readonly string[], call: CliCall = {}) => {
      const { stdout, stderr, code } = await runCli(['cert', ...args, '--json'], { ...call, cwd })
      assert.equal(code, 0, stderr)
      return JSON.parse(stdout)
    },
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  }
}

function fails({ code, stdout, stderr }: CliResult, error: string): void {
  assert.notEqual(code, 0, stdout)
  assert.match(stderr, new RegExp(`error\\[${error}\\]`))
}

describe('`berth cert csr`', () => {
  it('writes key and CSR by the name of the host, and never over a key', async () => {
    await using room = await openRoom()
    const { csrFile, keyFile, names } = await room.json(['csr', '*.Example.com', 'bücher.example'])
    assert.deepEqual(
      [csrFile, keyFile],
      [room.path('star_example_com.csr'), room.path('star_example_com.key')],
    )
    assert.deepEqual(names, ['*.example.com', 'xn--bcher-kva.example'])
    assert.equal((await stat(keyFile)).mode & 0o777, 0o600)
    const before = await readFile(keyFile)
    fails(await room.run(['csr', '*.example.com']), 'CERTIFICATE_FILE_EXISTS')
    assert.deepEqual(await readFile(keyFile), before)
  })

  it('takes the line of a CA’s page, as an argument or with --from, and further names', async () => {
    await using room = await openRoom()
    const line = `openssl req -new -newkey rsa:2048 -nodes -out a.csr -keyout a.key -subj "/C=US/O=Example Inc/CN=${HOST}"`
    assert.deepEqual((await room.json(['csr', line, 'more.example.com'])).names, [HOST, 'more.example.com'])
    assert.deepEqual((await readdir(room.path())).toSorted(), ['a.csr', 'a.key', 'certs'])
    const other = line.replaceAll('a.', 'b.')
    assert.deepEqual((await room.json(['csr', '--from', other])).csrFile, room.path('b.csr'))
  })

  it('prints both with --out -', async () => {
    await using room = await openRoom()
    const printed = await room.json(['csr', HOST, '--out', '-', '--key', 'ec-256'])
    assert.match(printed.csrPem, /BEGIN CERTIFICATE REQUEST/)
    assert.match(printed.keyPem, /BEGIN PRIVATE KEY/)
    assert.deepEqual(await readdir(room.path()), ['certs'])
  })

  it('refuses what is no name, a line it does not understand, and nothing', async () => {
    await using room = await openRoom()
    fails(await room.run(['csr', 'https://www.example.com/']), 'CERTIFICATE_NAME_INVALID')
    fails(await room.run(['csr', HOST, '--country', 'Germany']), 'CERTIFICATE_NAME_INVALID')
    fails(await room.run(['csr', 'openssl x509 -in a']), 'CSR_LINE_INVALID')
    fails(await room.run(['csr']), 'USAGE')
  })
})

describe('`berth cert install`', () => {
  const { root, upper, lower, leaf } = makeMail([HOST])

  it('installs what was mailed, root first, and says what it left out', async () => {
    await using room = await openRoom()
    const papers = { 'AddTrustRoot.crt': root, 'upper.crt': upper, 'lower.crt': lower, 'www.crt': leaf }
    for (const [name, { pem }] of Object.entries(papers)) await room.put(name, pem.replaceAll('\n', '\r\n'))
    await room.put('www.key', leaf.keyPem)
    const args = ['install', HOST, ...Object.keys(papers), 'www.key', '--certs', 'certs']
    const { certFile, certificates, findings } = await room.json(args)
    assert.equal(certFile, join(room.certs, `${HOST}.crt`))
    assert.equal(await readFile(certFile, 'utf8'), `${leaf.pem}${lower.pem}${upper.pem}`)
    assert.deepEqual(certificates, [`CN=${HOST}`, 'CN=Paper lower', 'CN=Paper upper'])
    assert.ok(findings.some(({ code }: { code: string }) => code === 'ROOT_INCLUDED'))
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

  it('asks before it fetches, and asks the public internet alone', async () => {
    await using room = await openRoom()
    let asked = 0
    const server = createHttpServer((_, response) => {
      asked++
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
    assert.equal(asked, 0)
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
    fails(await room.run(['check', 'a/b']), 'USAGE')
  })
})

describe('`berth cert list`, `self-signed` and `ca`', () => {
  it('makes, installs and lists certificates', async () => {
    await using room = await openRoom()
    const certs = ['--certs', 'certs']
    await room.json(['self-signed', 'a.example.com', '*.a.example.com', ...certs])
    await room.json(['self-signed', '--ca', 'registry.local', '10.0.0.1', ...certs])
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
  })

  it('writes files elsewhere with --out, and never over others', async () => {
    await using room = await openRoom()
    const { certFile, keyFile } = await room.json(['self-signed', 'a.test', '--out', '.', '--days', '7'])
    assert.deepEqual([certFile, keyFile], [room.path('a_test.crt'), room.path('a_test.key')])
    fails(await room.run(['self-signed', 'a.test', '--out', '.']), 'CERTIFICATE_FILE_EXISTS')
    fails(await room.run(['self-signed', 'a.test', '--days', '400']), 'USAGE')
    fails(await room.run(['self-signed', '--ca', 'example.com']), 'CERTIFICATE_NAME_INVALID')
  })

  it('says that there is nothing, and where it looked', async () => {
    await using room = await openRoom()
    const { stdout } = await room.run(['list', '--certs', 'certs'])
    assert.match(stdout, /no certificates in .*certs and .*berth-data/)
  })

  it('takes the folder from the settings, too', async () => {
    await using room = await openRoom()
    await room.json(['self-signed', 'a.test'], { env: { BERTH_CERTS: room.certs } })
    assert.deepEqual((await readdir(room.certs)).toSorted(), ['.pairs', 'a.test.crt', 'a.test.key'])
  })
})
