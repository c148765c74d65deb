import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { makeCertificates } from '../support/certificates/make-certificates.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { startWorkers } from './worker-site.ts'

const HOST = 'registry.test'

/** Sends a request over a connection of its own, by the session of the one before. */
async function visit(
  port: number,
  session: Buffer | undefined,
): Promise<{ isReused: boolean; session: Buffer }> {
  const socket = connect({ port, servername: HOST, rejectUnauthorized: false, ...(session && { session }) })
  let next: Buffer | undefined
  socket.on('session', (ticket: Buffer) => {
    next = ticket
  })
  const closed = once(socket, 'close')
  await once(socket, 'secureConnect')
  const isReused = socket.isSessionReused()
  socket.write(`GET /v2/ HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`)
  socket.resume()
  await closed
  return { isReused, session: next ?? session ?? assert.fail('there is no ticket') }
}

for (const kind of ['a front door', 'a registry alone'])
  test(`a worker goes on with the TLS session that another began, ${kind}`, async () => {
    await using folder = await makeTempFolder('workers')
    const [port, tlsPort] = [await findFreePort(), await findFreePort()]
    const site = { dataDir: join(folder.path, 'data'), port, logFile: join(folder.path, 'berth.log') }
    const { certFile, keyFile } = await makeCertificates(folder.path, '127.0.0.1')
    const flags =
      kind === 'a front door'
        ? ['--domain', HOST, '--acme', 'off', '--docker-host', 'off']
        : ['--tls-cert', certFile, '--tls-key', keyFile]
    await using server = await startWorkers(site, ['--listen-https', `127.0.0.1:${tlsPort}`, ...flags])
    let { session } = await visit(tlsPort, undefined)
    for (let turn = 0; turn < 4; turn++) {
      const next = await visit(tlsPort, session)
      assert.equal(next.isReused, true)
      session = next.session
    }
    assert.equal(await server.stop(), 0)
  })
