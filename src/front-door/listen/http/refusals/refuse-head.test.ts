import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { HOST, openProxyRoom } from '../../../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../../../test/support/door/start-app.ts'
import { readAll } from '../../../../../test/support/door/test-door.ts'

/** Attempts for each size: a reset costs only some clients their answer. */
const ATTEMPTS = 10
const HEAD_SIZES = [33_000, 60_000, 120_000, 900_000]

for (const isTls of [false, true])
  test(`a head that is too large gets its answer, with a body, however much of it comes (${isTls ? 'TLS' : 'plain'})`, async () => {
    await using room = await openProxyRoom()
    for (const size of HEAD_SIZES)
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const socket = isTls
          ? connectTls({ port: room.tlsPort, servername: HOST, rejectUnauthorized: false })
          : connect(room.port, '127.0.0.1')
        socket.on('error', ignore)
        socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nA: ${'b'.repeat(size)}\r\n\r\n`)
        const text = String(await readAll(socket))
        assert.match(
          text,
          /^HTTP\/1\.1 431 .*\r\n\r\n\{"errors".*larger than 32768 bytes: send less"/s,
          `${size} bytes, attempt ${attempt}`,
        )
      }
  })

const HTTP2_ROWS: readonly (readonly [what: string, headers: OutgoingHttpHeaders, status: number])[] = [
  ['a path of 15 KB', { ':path': `/${'a'.repeat(15_000)}` }, 200],
  ['a path of 17 KB', { ':path': `/${'a'.repeat(17_000)}` }, 414],
  ['a path of 33 KB', { ':path': `/${'a'.repeat(33_000)}` }, 414],
  ['a path of 60 KB', { ':path': `/${'a'.repeat(60_000)}` }, 414],
  ['headers of 33 KB', { x: 'a'.repeat(33_000) }, 431],
  ['headers of 50 KB', { x: 'a'.repeat(25_000), y: 'a'.repeat(25_000) }, 431],
  [
    '180 cookies, each a field, as browsers send them',
    { cookie: Array.from({ length: 180 }, (_, at) => `c${at}=1`) },
    200,
  ],
  ['300 headers', Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`x-${at}`, '1'])), 200],
  ['a method in lower case', { ':method': 'get' }, 400],
  ['a method in mixed case', { ':method': 'Get' }, 400],
  ['TRACE', { ':method': 'TRACE' }, 405],
  ['a method of its own', { ':method': 'PURGE' }, 200],
]

test('refusals by the head of a request over HTTP/2 come with a body, and the connection goes on', async () => {
  await using app = await startApp((_request, response) => response.end('ok'))
  app.server.maxHeadersCount = 0
  await using room = await openProxyRoom({ ports: [app.port], vhost: 'proxy_set_header X-Original-URI "";' })
  // The client knows its limits by then, and keeps to them.
  const session = connectHttp2(`https://127.0.0.1:${room.tlsPort}`, {
    servername: HOST,
    rejectUnauthorized: false,
    maxSendHeaderBlockLength: 200_000,
  })
  for (const [what, headers, status] of HTTP2_ROWS) {
    const stream = session.request({ ':path': '/', ':authority': HOST, ...headers })
    stream.end()
    const [answer] = await once(stream, 'response')
    let body = ''
    for await (const chunk of stream) body += chunk
    assert.equal(answer[':status'], status, what)
    assert.ok(body.length > 0, what)
  }
  session.destroy()
})

test('a path that is too long gets 414 over HTTP/1.1, too', async () => {
  await using room = await openProxyRoom()
  const socket = connect(room.port, '127.0.0.1')
  socket.write(`GET /${'a'.repeat(17_000)} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`)
  assert.match(String(await readAll(socket)), /^HTTP\/1\.1 414 .*\r\n\r\n<!doctype html>/s)
})

test('a client that offers HTTP/1.0 alone is served over TLS', async () => {
  await using app = await startApp((_request, response) => response.end('ok'))
  await using room = await openProxyRoom({ ports: [app.port] })
  const socket = connectTls({
    port: room.tlsPort,
    host: '127.0.0.1',
    servername: HOST,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.0'],
  })
  socket.write(`GET / HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`)
  assert.match(String(await readAll(socket)), /^HTTP\/1\.1 200 /)
})

test('TRACE is answered by no application, over HTTP/1.1 either', async () => {
  await using app = await startApp(() => assert.fail('The application was asked'))
  await using room = await openProxyRoom({ ports: [app.port] })
  const socket = connect(room.port, '127.0.0.1')
  socket.write(`TRACE / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`)
  assert.match(String(await readAll(socket)), /^HTTP\/1\.1 405 .*\r\n\r\n<!doctype html>/s)
})

function ignore(): void {}
