import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { it } from 'node:test'
import { isListening } from '../support/machine/free-port.ts'
import { BerthProcess } from '../support/program/berth-process.ts'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { type RaceServer, startRaceServer } from './race-server.ts'

const REPOSITORY = 'race/drain'

for (const workers of [1, 2])
  it(`SIGTERM lets a push end, takes no new connection, says so to those who ask, and keeps everything, workers: ${workers}`, async () => {
    await using server = await startRaceServer([REPOSITORY], { flags: ['--workers', String(workers)] })
    const { site, process } = server
    const config = randomBytes(30)
    await pushBlob(server.http, REPOSITORY, config)
    const manifest = formatManifest([config])
    assert.equal(await putManifest(server.http, { repository: REPOSITORY, reference: 'v1' }, manifest), 201)

    const bytes = randomBytes(600_000)
    const pushPath = `/v2/${REPOSITORY}/blobs/uploads/?digest=${hashSha256(bytes)}`
    const pushing = await beginRequest(server, `POST ${pushPath}`, `content-length: ${bytes.length}\r\n\r\n`)
    await writeAll(pushing, bytes.subarray(0, 300_000))
    const open = await beginRequest(server, 'GET /readyz', '')

    process.signalStop()
    while (await isListening(site.port).catch(() => false));
    open.write('\r\n')
    assert.match(await readAnswer(open), /^HTTP\/1\.1 503 .*"UNAVAILABLE"/s)
    assert.equal(process.hasEnded, false)
    pushing.write(bytes.subarray(300_000))
    assert.match(await readAnswer(pushing), /^HTTP\/1\.1 201 /)
    assert.equal(await process.ended(), 0)

    await using again = await BerthProcess.start(site)
    const blob = await server.http.send('GET', `/v2/${REPOSITORY}/blobs/${hashSha256(bytes)}`)
    assert.equal(blob.digest, hashSha256(bytes))
    const tagged = await server.http.send('GET', `/v2/${REPOSITORY}/manifests/v1`)
    assert.equal(tagged.digest, hashSha256(manifest))
    assert.equal(await again.stop(), 0)
  })

/**
 * Begins a request on a connection of its own. One that is answered goes before it in the same write: with the answer
 * the server has read both, so the connection is not an idle one.
 */
async function beginRequest({ site, authorization }: RaceServer, line: string, end: string): Promise<Socket> {
  const socket = connect(site.port, '127.0.0.1')
  const head = `host: 127.0.0.1\r\nauthorization: ${authorization}\r\n`
  await writeAll(socket, `GET /livez HTTP/1.1\r\n${head}\r\n${line} HTTP/1.1\r\n${head}${end}`)
  assert.match(await readAnswer(socket), /^HTTP\/1\.1 200 /)
  return socket
}

function writeAll(socket: Socket, data: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => socket.write(data, (error) => (error ? reject(error) : resolve())))
}

/** The next answer: its head, and its JSON if it has some. */
async function readAnswer(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  const onData = (chunk: Buffer): void => {
    text += String(chunk)
    const isWhole = text.includes('\r\n\r\n') && (/content-length: 0/i.test(text) || text.endsWith('}'))
    if (isWhole) resolve(text)
  }
  socket.on('data', onData).on('error', reject).on('close', reject)
  try {
    return await promise
  } finally {
    socket.off('data', onData).off('error', reject).off('close', reject)
  }
}
