import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createServer } from 'node:tls'
import { makeMail, makePaper } from '../../../test/support/certificates/paper-ca.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { certificateFolders } from '../folder/certificate-folders.ts'
import { readMailedFiles } from '../x509/mailed-files.ts'
import { checkFiles } from './check-files.ts'
import { checkFolders } from './check-folders.ts'
import { checkHost } from './check-host.ts'

const HOST = 'www.example.com'
const { root, upper, lower, leaf } = makeMail([HOST])
const chain = `${leaf.pem}${lower.pem}${upper.pem}`
const encrypted = leaf.key
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
  .toString()

/** Codes and severities found in one file. */
async function find(text: string | Buffer): Promise<string[]> {
  const { findings } = await checkFiles({
    content: readMailedFiles([{ name: 'nowhere/bundle.crt', bytes: Buffer.from(text) }]),
    ...{ hosts: [HOST], isKeyExpected: true, roots: [root.certificate], now: Date.now() },
  })
  return findings.map(({ code, severity }) => `${severity} ${code}`)
}

describe('`checkFiles()`', () => {
  const all = `${chain}${leaf.keyPem}`
  const rows: readonly (readonly [what: string, text: string | Buffer, found: readonly string[]])[] = [
    ['nothing in a good bundle', all, []],
    ['line ends of Windows, as a note', all.replaceAll('\n', '\r\n'), ['info FILE_ODD']],
    ['a byte order mark', `\uFEFF${all}`, ['warning FILE_ODD']],
    ['UTF-16', Buffer.from(`\uFEFF${all}`, 'utf16le'), ['warning FILE_ODD']],
    ['glued blocks', all.replaceAll('-----\n-----', '----------'), ['warning FILE_ODD']],
    ['an encrypted key', `${chain}${encrypted}`, ['error KEY_ENCRYPTED']],
    ['a block that is cut off', `${all}-----BEGIN CERTIFICATE-----\nMIIB\n`, ['error FILE_UNREADABLE']],
    ['what is no certificate at all', 'PK\x03\x04', ['error FILE_UNREADABLE', 'error CERTIFICATE_MISSING']],
  ]
  for (const [what, text, found] of rows)
    it(`finds ${what}`, async () => assert.deepEqual(await find(text), found))
})

describe('`checkFolders()`', () => {
  it('notes a pair that is there twice', async () => {
    await using temp = await makeTempFolder('check')
    const folders = certificateFolders(temp.path, join(temp.path, 'certs'))
    await mkdir(folders.installed)
    for (const name of [HOST, 'copy']) {
      await writeFile(join(folders.installed, `${name}.crt`), chain)
      await writeFile(join(folders.installed, `${name}.key`), leaf.keyPem, { mode: 0o600 })
    }
    const reports = await checkFolders(folders, [root.certificate])
    const codes = reports.map(({ findings }) => findings.map(({ code }) => code))
    assert.deepEqual(codes, [['PAIR_DUPLICATE'], ['PAIR_DUPLICATE']])
    assert.ok(reports.every(({ isAccepted }) => isAccepted))
  })
})

describe('`checkHost()`', () => {
  it('warns of versions of TLS that are too old', async () => {
    await using temp = await makeTempFolder('check')
    const old = makePaper(HOST, { by: lower, names: [HOST], keyType: 'rsa-2048' })
    const server = createServer(
      {
        cert: `${old.pem}${lower.pem}${upper.pem}`,
        key: old.keyPem,
        minVersion: 'TLSv1',
        ciphers: 'ALL:@SECLEVEL=0',
      },
      (socket) => socket.end(),
    ).listen(0, '127.0.0.1')
    server.on('tlsClientError', () => {})
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const { findings, isAccepted } = await checkHost(
      { host: HOST, port, connectTo: '127.0.0.1' },
      certificateFolders(temp.path, undefined),
      [root.certificate],
    )
    server.close()
    const found = findings.map(({ code, severity }) => `${severity} ${code}`)
    assert.deepEqual(found, ['warning PROTOCOL_OLD', 'warning PROTOCOL_OLD'])
    assert.ok(isAccepted)
  })
})
