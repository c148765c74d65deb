import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { makeClient, makeRevocations } from '../support/certificates/client-papers.ts'
import { makePaper } from '../support/certificates/paper-ca.ts'
import { startCertificateServer } from '../support/clients/certificate-server.ts'
import { makeImage } from '../support/content/make-image.ts'
import { writeOciLayout } from '../support/content/oci-layout.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'

const PASSWORD = 'of a test, on loopback'

describe('a registry that asks for client certificates', { skip: skipReason('skopeo') }, () => {
  it('takes what skopeo pushes and pulls with one, and nothing without or once it was taken back', async () => {
    const ca = makePaper('Staff CA')
    const alice = makeClient('alice', ca)
    await using temp = await makeTempFolder('client-certificates')
    // A name of Berth's own CA, so that the registry has a trusted certificate.
    await using berth = await startCertificateServer({
      domain: 'localhost',
      sites: {},
      files: { 'ca.crt': ca.pem },
    })
    await berth.command(['user', 'add', 'alice', '--admin', '--password-stdin'], PASSWORD)
    const folder = async (name: string, files: Readonly<Record<string, string>>): Promise<string> => {
      await mkdir(join(temp.path, name))
      for (const [file, text] of Object.entries(files)) await writeFile(join(temp.path, name, file), text)
      return join(temp.path, name)
    }
    const trusted = { 'ca.crt': await berth.command(['cert', 'ca']) }
    const bare = await folder('bare', trusted)
    const own = await folder('own', { ...trusted, 'client.cert': alice.cert, 'client.key': alice.key })
    const layout = join(temp.path, 'layout')
    await writeOciLayout(layout, { app: makeImage({ layers: [[{ path: 'a', bytes: Buffer.from('a') }]] }) })
    const host = `localhost:${berth.httpsPort}`
    const authFile = join(temp.path, 'auth.json')
    const skopeo = part('skopeo')
    const login = (certificates: string) =>
      runCommand(
        skopeo,
        [
          'login',
          '--authfile',
          authFile,
          '--cert-dir',
          certificates,
          '-u',
          'alice',
          '--password-stdin',
          host,
        ],
        { input: PASSWORD },
      )
    const goal = `docker://${host}/alice/app:1`
    const pull = (certificates: string, to: string) =>
      runCommand(skopeo, [
        ...['copy', '--authfile', authFile, '--src-cert-dir', certificates],
        ...[goal, `dir:${join(temp.path, to)}`],
      ])
    assert.match((await login(bare)).stderr, /400 \(?Bad Request/)
    assert.equal((await login(own)).code, 0)
    const push = ['copy', '--authfile', authFile, '--dest-cert-dir', own, `oci:${layout}:app`, goal]
    await runOk(skopeo, push)
    assert.equal((await pull(own, 'good')).code, 0)
    assert.notEqual((await pull(bare, 'bad')).code, 0)
    await berth.put('ca.crl.pem', makeRevocations(ca, [alice]))
    await berth.becomes(400, 'https://localhost/v2/', alice)
    assert.notEqual((await pull(own, 'late')).code, 0)
  })
})
