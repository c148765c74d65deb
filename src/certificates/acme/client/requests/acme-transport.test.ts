import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createTransport, MAX_REPLY_BYTES } from './acme-transport.ts'

async function serve(listener: RequestListener): Promise<{ url: string } & AsyncDisposable> {
  return await listen(createServer(listener), 'http')
}

async function listen(server: Server, scheme: string): Promise<{ url: string } & AsyncDisposable> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `${scheme}://${scheme === 'https' ? 'localhost' : '127.0.0.1'}:${address.port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../../../test/fixtures/tls/${name}`, import.meta.url))

describe('`createTransport()`', () => {
  for (const { title, listener } of [
    { title: 'never answers', listener: () => {} },
    {
      title: 'stops in the middle of its answer',
      listener: (_request: unknown, response: { write(text: string): void }) => response.write('{'),
    },
  ] satisfies { title: string; listener: RequestListener }[])
    test(`gives up a server that ${title}`, async () => {
      await using server = await serve(listener)
      using transport = createTransport({ userAgent: 'test', timeoutMs: 100 })
      await assert.rejects(transport.exchange({ method: 'GET', url: server.url }), {
        code: 'ACME_UNREACHABLE',
        message: /no answer within 0\.1 s/,
      })
    })

  test('reads no more than it must', async () => {
    let sentBytes = 0
    await using server = await serve((_request, response) => {
      const chunk = Buffer.alloc(64 * 1024)
      const write = (): void => {
        while (!response.destroyed && response.write(chunk)) sentBytes += chunk.length
        response.once('drain', write)
      }
      write()
    })
    using transport = createTransport({ userAgent: 'test' })
    await assert.rejects(transport.exchange({ method: 'GET', url: server.url }), {
      code: 'ACME_RESPONSE_INVALID',
      message: /more than 512 KiB/,
    })
    assert.ok(sentBytes < MAX_REPLY_BYTES + 16 * 1024 * 1024)
  })

  test('tells its caller apart from its own deadline', async () => {
    await using server = await serve(() => {})
    using transport = createTransport({ userAgent: 'test' })
    await assert.rejects(transport.exchange({ method: 'GET', url: server.url }, AbortSignal.abort()), {
      name: 'AbortError',
    })
  })

  for (const url of [
    'http://ca.example.com/',
    'file:///etc/passwd',
    'no url',
    'http://127.0.0.1.example.com/',
  ])
    test(`does not go to ${url}`, async () => {
      using transport = createTransport({ userAgent: 'test' })
      await assert.rejects(transport.exchange({ method: 'GET', url }), { code: 'ACME_RESPONSE_INVALID' })
    })

  test("trusts a CA of one's own by its root only, and says how", async () => {
    const files = {
      cert: readFileSync(fixture('localhost.crt')),
      key: readFileSync(fixture('localhost.key')),
    }
    await using server = await listen(
      createTlsServer(files, (_request, response) => response.end('{}')),
      'https',
    )
    using stranger = createTransport({ userAgent: 'test' })
    await assert.rejects(stranger.exchange({ method: 'GET', url: server.url }), {
      code: 'ACME_UNREACHABLE',
      remedy: /acme-directory-ca/,
    })
    using friend = createTransport({ userAgent: 'test', caFile: fixture('localhost.crt') })
    const reply = await friend.exchange({ method: 'GET', url: server.url })
    assert.equal(reply.body.toString(), '{}')
    assert.throws(() => createTransport({ userAgent: 'test', caFile: '/nowhere/ca.pem' }), {
      code: 'ACME_UNREACHABLE',
      message: /acme-directory-ca cannot be read/,
    })
  })

  test('says who asks', async () => {
    let agent: string | undefined
    await using server = await serve((request, response) => {
      agent = request.headers['user-agent']
      response.end()
    })
    using transport = createTransport({ userAgent: 'Berth/1.2.3' })
    await transport.exchange({ method: 'GET', url: server.url })
    assert.equal(agent, 'Berth/1.2.3')
  })
})
