import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sendRaw } from '../../test/protocol/connection.ts'
import { listen } from './listener.ts'

const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\n'
const PROBES: Readonly<Record<string, readonly [request: string, status: number]>> = {
  'both lengths': [`${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  'two lengths': [`${HEAD}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`, 400],
  'a length that is none': [`${HEAD}Content-Length: 3x\r\n\r\nabc`, 400],
  'a negative length': [`${HEAD}Content-Length: -1\r\n\r\n`, 400],
  'a bad chunk size': [`${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n`, 400],
  'a chunk longer than said': [`${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n`, 400],
  'an unknown transfer coding': [`${HEAD}Transfer-Encoding: xchunked, identity\r\n\r\nabc`, 400],
  'a space before the colon': ['GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n', 400],
  'a folded header': ['GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c: d\r\n\r\n', 400],
  'a NUL in a header': ['GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n', 400],
  'no host': ['GET / HTTP/1.1\r\n\r\n', 400],
  'another protocol': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  'too large a head': [`GET / HTTP/1.1\r\nHost: x\r\nA: ${'b'.repeat(40_000)}\r\n\r\n`, 431],
}

async function start(options: { headersTimeoutMs?: number } = {}) {
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    tls: undefined,
    handle: (request, response) => {
      if (request.url === '/begun') {
        response.writeHead(200, { 'content-length': 10 })
        response.write('12345')
        return
      }
      request.resume().on('end', () => response.end('taken'))
    },
    ...options,
  })
  return { url: listener.url, [Symbol.asyncDispose]: () => listener.stop(AbortSignal.abort()) }
}

for (const [name, [request, status]] of Object.entries(PROBES)) {
  test(`\`listen()\` answers ${name} with ${status} and closes`, async () => {
    await using server = await start()
    const { text, isClosed } = await sendRaw(server.url, request)
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} `))
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1, text)
    assert.ok(!text.includes('taken'))
    assert.ok(isClosed)
  })
}

test('`listen()` closes a connection whose headers come too slowly', async () => {
  await using server = await start({ headersTimeoutMs: 200 })
  const { text, isClosed } = await sendRaw(server.url, 'GET / HTTP/1.1\r\nHost: x\r\nA: b')
  assert.match(text, /^HTTP\/1.1 408 /)
  assert.ok(isClosed)
})

test('`listen()` never puts its own answer into the body of another', async () => {
  await using server = await start()
  const { text, isClosed } = await sendRaw(
    server.url,
    'GET /begun HTTP/1.1\r\nHost: x\r\n\r\nno request\r\n\r\n',
  )
  assert.ok(isClosed)
  assert.ok(!text.includes('REQUEST_INVALID'), text)
})
