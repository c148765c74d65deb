import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { fails, openCertRoom as openRoom } from '../../../../test/support/certificates/cert-room.ts'

const HOST = 'www.example.com'

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

  it('takes the line without quotes, too, as the page gives it', async () => {
    await using room = await openRoom()
    const words = [
      'openssl',
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-out',
      'a.csr',
      '-keyout',
      'a.key',
    ]
    const subject = "/C=US/ST=/O=Joe's Example Inc/CN=*.example.com"
    const result = await room.run(['csr', ...words, '-subj', subject])
    assert.equal(result.code, 0, result.stderr)
    const csr = await readFile(room.path('a.csr'), 'utf8')
    assert.match(csr, /BEGIN CERTIFICATE REQUEST/)
    assert.match(
      result.stdout,
      /berth cert install '\*\.example\.com' FILES… /,
      'no shell takes the star for files',
    )
    const again = words.with(7, 'b.csr').with(9, 'b.key')
    const { stdout } = await room.run(['csr', '--json', ...again, '-subj', subject])
    assert.deepEqual(JSON.parse(stdout).names, ['*.example.com'])
  })

  it('says that the folder for the files is not there', async () => {
    await using room = await openRoom()
    const result = await room.run(['csr', HOST, '--out', 'nowhere'])
    fails(result, 'CERTIFICATE_FOLDER_UNUSABLE')
    assert.match(result.stderr, /There is no folder .*nowhere\. Make it with mkdir/)
  })

  it('leaves no key behind where the request cannot be written, so that the next try is not refused', async () => {
    await using room = await openRoom()
    const line = `openssl req -new -newkey rsa:2048 -nodes -out nowhere/a.csr -keyout a.key -subj "/CN=${HOST}"`
    fails(await room.run(['csr', line]), 'CERTIFICATE_FOLDER_UNUSABLE')
    assert.deepEqual(await readdir(room.path()), ['certs'])
    await room.json(['csr', line.replace('nowhere/', '')])
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
