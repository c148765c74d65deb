import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { test } from 'node:test'
import { request, requestOk } from './registry-request.ts'

async function serve(listener: RequestListener): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  return {
    url: `http://127.0.0.1:${address.port}/`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function* pieces(count: number): AsyncGenerator<Buffer> {
  for (let piece = 0; piece < count; piece += 1) yield Buffer.alloc(256 * 1024, piece)
}

test('`request()` sends a stream as it is made and reads the answer', async () => {
  await using server = await serve(async (incoming, response) => {
    let bytes = 0
    for await (const chunk of incoming) bytes += chunk.length
    response.end(`${incoming.headers['transfer-encoding']} ${bytes}`)
  })
  const { status, body } = await request(server.url, { method: 'PATCH', body: pieces(40) })
  assert.equal(status, 200)
  assert.equal(body.toString(), `chunked ${40 * 256 * 1024}`)
})

test('`requestOk()` tells what a server refused', async () => {
  await using server = await serve((_incoming, response) => {
    response.statusCode = 404
    response.end('no such thing')
  })
  await assert.rejects(requestOk(server.url, {}), /answered 404: no such thing/)
})

test('`request()` fails when the server hangs up', async () => {
  await using server = await serve((incoming) => incoming.socket.destroy())
  await assert.rejects(request(server.url, { method: 'PATCH', body: pieces(40) }))
})
