import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, LookupFunction } from 'node:net'
import { test } from 'node:test'
import { makeCertificates } from '../../test/support/certificates/make-certificates.ts'
import { makeTempFolder } from '../../test/support/machine/temp-folder.ts'
import { createGuardedRequest, type GuardedRequest, type GuardParts } from './guarded-request.ts'
import { createTargetGuard } from './target-networks.ts'

const LOCAL = createTargetGuard(['127.0.0.0/8', '::1/128'])
const BOUNDS = { timeoutMs: 2_000, maxAnswerBytes: 1_000, isPlainAllowed: true }

async function openServer(answer: RequestListener) {
  const server = createServer(answer)
  let connections = 0
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A resolver that returns one list of addresses after the other. */
function answering(...answers: string[][]): LookupFunction {
  return (_, __, callback) => {
    const addresses = answers.length > 1 ? answers.shift() : answers[0]
    callback(
      null,
      (addresses ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }
}

function ask(parts: GuardParts, request: Partial<GuardedRequest> & { url: string }) {
  return createGuardedRequest(parts)({ ...BOUNDS, ...request })
}

test('a request is sent and its answer returned', async () => {
  await using server = await openServer(async (request, response) => {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    response
      .writeHead(201, { 'x-a': 'b' })
      .end(`${request.method} ${request.url} ${request.headers.host} ${text}`)
  })
  const answer = await ask(
    { mayReach: LOCAL, lookup: answering(['127.0.0.1']) },
    { url: `http://hook.test:${server.port}/a?b=c`, method: 'POST', body: 'é' },
  )
  assert.deepEqual([answer.status, answer.headers['x-a']], [201, 'b'])
  assert.equal(answer.body.toString(), `POST /a?b=c hook.test:${server.port} é`)
})

test('no connection is made to an address that is not public, in any form of it or by any name', async () => {
  await using server = await openServer((_, response) => response.end())
  const { port } = server
  const hosts = [
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '017700000001',
    '127.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    'localhost',
  ]
  const mayReach = createTargetGuard([])
  for (const host of hosts)
    await assert.rejects(
      ask({ mayReach }, { url: `http://${host}:${port}/` }),
      { code: 'TARGET_FORBIDDEN' },
      host,
    )
  for (const address of ['127.0.0.1', '::1', '169.254.169.254', '10.0.0.8', '::ffff:127.0.0.1'])
    await assert.rejects(
      ask({ mayReach, lookup: answering([address]) }, { url: `http://inner.test:${port}/` }),
      { code: 'TARGET_FORBIDDEN' },
      address,
    )
  assert.equal(server.connections(), 0)
})

test('a name is looked up once, where the connection is made: a second answer of its server has no effect', async () => {
  await using server = await openServer((_, response) => response.end('reached'))
  const lookups = answering(['127.0.0.2'], ['127.0.0.1'])
  const mayReach = (address: string) => address === '127.0.0.1'
  await assert.rejects(ask({ mayReach, lookup: lookups }, { url: `http://rebinding.test:${server.port}/` }), {
    code: 'TARGET_FORBIDDEN',
  })
  assert.equal(server.connections(), 0)
  const mixed = answering(['127.0.0.2', '127.0.0.1'])
  const answer = await ask({ mayReach, lookup: mixed }, { url: `http://mixed.test:${server.port}/` })
  assert.equal(answer.body.toString(), 'reached')
})

test('a redirect is returned, not followed', async () => {
  await using inner = await openServer((_, response) => response.end())
  await using server = await openServer((_, response) =>
    response.writeHead(302, { location: `http://127.0.0.1:${inner.port}/` }).end(),
  )
  const answer = await ask({ mayReach: LOCAL }, { url: `http://127.0.0.1:${server.port}/` })
  assert.equal(answer.status, 302)
  assert.equal(inner.connections(), 0)
})

test('time and size of an answer are bounded, and errors show no path, query or password', async () => {
  await using server = await openServer((request, response) => {
    if (request.url === '/slow') return void response.write('a')
    if (request.url === '/gone') return void request.socket.destroy()
    response.end('x'.repeat(1_001))
  })
  const base = `http://127.0.0.1:${server.port}`
  const expect = (code: string, request: Partial<GuardedRequest> & { url: string }) =>
    assert.rejects(ask({ mayReach: LOCAL }, request), (error: Error & { code?: string }) => {
      assert.equal(error.code, code)
      assert.doesNotMatch(error.message, /canary|slow|gone/)
      return true
    })
  await expect('ANSWER_TOO_LARGE', { url: `${base}/?canary` })
  await expect('TIMED_OUT', { url: `${base}/slow`, timeoutMs: 100 })
  await expect('TARGET_UNREACHABLE', { url: `${base}/gone` })
  await expect('TARGET_UNREACHABLE', { url: `${base}/slow`, signal: AbortSignal.timeout(50) })
  await expect('URL_UNUSABLE', { url: `http://canary:canary@127.0.0.1:${server.port}/` })
  await expect('URL_UNUSABLE', { url: `${base}/`, isPlainAllowed: false })
  for (const url of [
    'file:///canary',
    'ftp://canary.test/',
    'canary',
    `https://a.test/${'canary'.repeat(400)}`,
  ])
    await expect('URL_UNUSABLE', { url })
  const cut = await ask({ mayReach: LOCAL }, { url: base, mayCut: true })
  assert.equal(cut.body.length, 1_000)
})

test('over TLS the certificate must be valid for the host, and from a known authority', async () => {
  await using folder = await makeTempFolder('outgoing')
  const { caFile, certFile, keyFile } = await makeCertificates(folder.path, '127.0.0.1')
  const [cert, key, ca] = await Promise.all([certFile, keyFile, caFile].map((file) => readFile(file, 'utf8')))
  const server = createTlsServer({ cert, key }, (_, response) => response.end('private'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const url = `https://127.0.0.1:${port}/`
    const answer = await ask({ mayReach: LOCAL, ca }, { url, isPlainAllowed: false })
    assert.equal(answer.body.toString(), 'private')
    await assert.rejects(ask({ mayReach: LOCAL }, { url }), { code: 'TARGET_UNREACHABLE' })
    const other = `https://other.test:${port}/`
    const lookup = answering(['127.0.0.1'])
    await assert.rejects(ask({ mayReach: LOCAL, ca, lookup }, { url: other }), { code: 'TARGET_UNREACHABLE' })
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
