import assert from 'node:assert/strict'
import { once } from 'node:events'
import { truncate, writeFile } from 'node:fs/promises'
import { connect, constants, createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  HOST,
  openProxyRoom,
  type ProxyRoomOptions,
  startScriptedUpstream,
} from '../../../test/support/door/proxy-room.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'

interface Seen {
  readonly status: number
  readonly headers: Record<string, unknown>
  /** True if the head ended the stream, without a DATA frame. */
  readonly endedWithHead: boolean
  readonly body: string
  /** RFC 9113 section 7. */
  readonly code: number
}

/** An answer as a client of HTTP/2 sees it; `onHead` is called once its head is there. */
async function see(port: number, onHead: () => unknown = ignore): Promise<Seen> {
  const session = connect(`https://127.0.0.1:${port}`, { servername: HOST, rejectUnauthorized: false })
  try {
    const stream = session.request({ ':path': '/a', ':authority': HOST })
    stream.on('error', ignore)
    const closed = once(stream, 'close').catch(ignore)
    const [headers, flags] = await once(stream, 'response')
    const endedWithHead = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
    await onHead()
    let body = ''
    stream.on('data', (chunk) => {
      body += chunk
    })
    await closed
    return { status: Number(headers[':status']), headers, endedWithHead, body, code: stream.rstCode }
  } finally {
    session.destroy()
  }
}

/** An application that speaks HTTP/2 only. */
async function startH2c(answer: (stream: ServerHttp2Stream) => void) {
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', ignore)
    answer(stream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => void server.close(),
  }
}

const CHUNKED =
  'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'
const BROKEN: Readonly<Record<string, string>> = {
  'whose chunks end without the last one': CHUNKED,
  'shorter than it said': 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 50\r\n\r\nhello',
}
for (const [what, text] of Object.entries(BROKEN))
  for (const vhost of ['', 'gzip on;'])
    test(`an answer ${what} ends its stream with INTERNAL_ERROR ("${vhost}")`, async () => {
      let upstreamSocket: Socket | undefined
      await using upstream = await startScriptedUpstream((socket) => {
        upstreamSocket = socket
        socket.write(text)
      })
      await using room = await openProxyRoom({ ports: [upstream.port], vhost })
      const { status, code } = await see(room.tlsPort, () => upstreamSocket?.destroy())
      assert.deepEqual([status, code], [200, constants.NGHTTP2_INTERNAL_ERROR])
    })

const CUTS: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
  'the connection': (stream) => stream.session?.destroy(),
  'the stream with an error': (stream) => stream.destroy(new Error('cut')),
  'the stream without an error': (stream) => stream.destroy(),
}
for (const [what, cut] of Object.entries(CUTS))
  test(`an answer over h2c whose application cuts ${what} ends its stream with INTERNAL_ERROR`, async () => {
    let upstreamStream: ServerHttp2Stream | undefined
    await using upstream = await startH2c((stream) => {
      upstreamStream = stream
      stream.respond({ ':status': 200 })
      stream.write('hello')
    })
    const options: ProxyRoomOptions = { ports: [upstream.port], upstream: { protocol: 'h2c' } }
    await using room = await openProxyRoom(options)
    const { status, code } = await see(room.tlsPort, () => {
      if (upstreamStream) cut(upstreamStream)
    })
    assert.deepEqual([status, code], [200, constants.NGHTTP2_INTERNAL_ERROR])
  })

test('a file that becomes shorter while it is sent ends its stream with INTERNAL_ERROR', async () => {
  await using folder = await makeTempFolder('whole')
  const file = join(folder.path, 'a')
  await writeFile(file, Buffer.alloc(20_000_000))
  await using room = await openProxyRoom({ vhost: `location / { root ${folder.path}; }` })
  const { status, code } = await see(room.tlsPort, () => truncate(file, 10))
  assert.deepEqual([status, code], [200, constants.NGHTTP2_INTERNAL_ERROR])
})

test('an answer that is whole ends its stream without an error, with its trailers', async () => {
  await using upstream = await startH2c((stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end('hello')
  })
  await using room = await openProxyRoom({ ports: [upstream.port], upstream: { protocol: 'grpc' } })
  const { status, body, code } = await see(room.tlsPort)
  assert.deepEqual([status, body, code], [200, 'hello', constants.NGHTTP2_NO_ERROR])
})

test('an answer whose rest of the request is not wanted is whole', async () => {
  await using upstream = await startH2c((stream) => {
    stream.respond({ ':status': 200 })
    // RFC 9113 section 8.1.
    stream.end('hello', () => stream.close(constants.NGHTTP2_NO_ERROR))
  })
  await using room = await openProxyRoom({ ports: [upstream.port], upstream: { protocol: 'h2c' } })
  const { status, body, code } = await see(room.tlsPort)
  assert.deepEqual([status, body, code], [200, 'hello', constants.NGHTTP2_NO_ERROR])
})

for (const vhost of ['', 'gzip on; gzip_types *; gzip_min_length 0; add_header X-Added 1 always;'])
  test(`an answer of trailers only ends with its head, as clients of gRPC need it ("${vhost}")`, async () => {
    await using upstream = await startH2c((stream) =>
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '7' },
        { endStream: true },
      ),
    )
    await using room = await openProxyRoom({ ports: [upstream.port], upstream: { protocol: 'grpc' }, vhost })
    const { status, headers, endedWithHead, code } = await see(room.tlsPort)
    assert.deepEqual([status, headers['grpc-status'], endedWithHead, code], [200, '7', true, 0])
    assert.equal(headers['x-added'], vhost === '' ? undefined : '1')
  })

function ignore(): void {}
