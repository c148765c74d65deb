import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2'
import { request } from 'node:https'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { HOST, openProxyRoom } from '../../../../../test/support/door/proxy-room.ts'
import { type App, startApp } from '../../../../../test/support/door/start-app.ts'
import { makeHolds } from '../../../../../test/support/door/test-door.ts'
import { createHttp2 } from '../http2-server.ts'
import { UploadWindows } from './upload-windows.ts'

const MIB = 1024 * 1024
/** Clients that upload at once to an application that takes nothing, and the bytes of each. */
const UPLOADERS = 32
const EACH_BYTES = 16 * MIB
const UPLOAD_BYTES = 20_000_000
/** Delay of each way; a round trip is twice as long. */
const DELAY_MS = 50

/** A link to a port that passes everything on after a while, however much it is. */
async function openLongLink(port: number): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('error', ignore)
      from.on('data', (chunk) => setTimeout(() => to.write(chunk), DELAY_MS))
      from.on('close', () => setTimeout(() => to.destroy(), DELAY_MS))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Answers with the number of bytes received. */
function startCounter(): Promise<App> {
  return startApp((incoming, response) => {
    let bytes = 0
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    incoming.on('end', () => response.end(String(bytes)))
  })
}

async function uploadHttp1(port: number, body: Buffer): Promise<string> {
  const outgoing = request({
    port,
    method: 'PUT',
    servername: HOST,
    rejectUnauthorized: false,
    agent: false,
    headers: { host: HOST },
  })
  outgoing.end(body)
  const [response] = await once(outgoing, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  return text
}

function openSession(port: number): ClientHttp2Session {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { servername: HOST, rejectUnauthorized: false })
  session.on('error', ignore)
  return session
}

function put(session: ClientHttp2Session): ClientHttp2Stream {
  return session.request({ ':method': 'PUT', ':path': '/', ':authority': HOST }).on('error', ignore)
}

async function uploadHttp2(port: number, body: Buffer): Promise<string> {
  const session = openSession(port)
  const stream = put(session)
  stream.end(body)
  let text = ''
  for await (const chunk of stream) text += chunk
  session.destroy()
  return text
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

test('an upload over HTTP/2 takes few round trips more than one over HTTP/1.1', async () => {
  await using app = await startCounter()
  await using room = await openProxyRoom({ ports: [app.port], vhost: 'client_max_body_size 0;' })
  await using link = await openLongLink(room.tlsPort)
  const body = Buffer.alloc(UPLOAD_BYTES)
  const [http1, http2] = [[], []] as [number[], number[]]
  // The least of some: other programs only add to it.
  for (let round = 0; round < 3; round++) {
    http1.push(await timed(async () => assert.equal(await uploadHttp1(link.port, body), `${UPLOAD_BYTES}`)))
    http2.push(await timed(async () => assert.equal(await uploadHttp2(link.port, body), `${UPLOAD_BYTES}`)))
  }
  // With a window of 64 KiB there would be 305.
  const more = (Math.min(...http2) - Math.min(...http1)) / (2 * DELAY_MS)
  assert.ok(more < 12, `${more} round trips more: ${http1} and ${http2} ms`)
})

test('uploads that nobody takes are held to a budget, all connections together', async () => {
  const server = createHttp2(
    { handle: ignore, refuseHead: ignore },
    { holds: makeHolds(), windows: new UploadWindows() },
    ignore,
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await using resources = new AsyncDisposableStack()
  resources.defer(() => void server.close())
  const sessions = Array.from({ length: UPLOADERS }, () => {
    const session = connectHttp2(`http://127.0.0.1:${port}`).on('error', ignore)
    resources.defer(() => session.destroy())
    return session
  })
  const chunk = Buffer.alloc(64 * 1024)
  const streams = sessions.map((session) => put(session))
  for (const stream of streams)
    for (let sent = 0; sent < EACH_BYTES; sent += chunk.length) stream.write(chunk)
  const sent = await untilStill(sessions)
  assert.ok(sessions.every(({ destroyed }) => !destroyed))
  assert.ok(sent > 32 * MIB && sent < 70 * MIB, `${sent / MIB} MiB were sent`)
})

/** Waits until sessions have sent something, and no more for a while. @returns the bytes all have sent. */
async function untilStill(sessions: readonly ClientHttp2Session[]): Promise<number> {
  let before = 0
  for (let still = 0; still < 10; ) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    const sent = sessions.reduce((sum, { socket }) => sum + socket.bytesWritten, 0)
    still = sent === before && sent > MIB ? still + 1 : 0
    before = sent
  }
  return before
}

function ignore(): void {}
