import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { test } from 'node:test'
import {
  certificatesOf,
  connectTo,
  makeTable,
  openTestDoor,
  readAll,
  type SiteWish,
  TELLING_HANDLER,
  type TestDoor,
} from '../../test/support/test-door.ts'
import type { CertificateSource } from './ports.ts'

interface Reply {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** What the telling handler was told. */
  readonly told: Record<string, unknown>
}

/** @returns what a client of a URL sees; the TLS alert or the error if there is no answer. */
async function ask(door: TestDoor, url: string, options: RequestOptions & { sni?: string } = {}) {
  const { hostname, protocol, pathname, search, host } = new URL(url)
  const isTls = protocol === 'https:'
  const outgoing = (isTls ? httpsRequest : httpRequest)({
    host: '127.0.0.1',
    port: isTls ? door.httpsPort : door.httpPort,
    path: pathname + search,
    agent: false,
    ...(isTls && { servername: options.sni ?? hostname, rejectUnauthorized: false }),
    ...options,
    headers: { host, ...(options.headers as object) },
  })
  outgoing.end()
  try {
    const [response] = await once(outgoing, 'response')
    let text = ''
    for await (const chunk of response) text += chunk
    const isTold = response.headers['content-type'] === 'application/json'
    const told: Record<string, unknown> = isTold ? JSON.parse(text) : {}
    return { status: response.statusCode, headers: response.headers, text, told } as Reply
  } catch (error) {
    const [, alert] = /alert number (\d+)/.exec(String(error)) ?? []
    return alert === undefined ? String(error) : `alert ${alert}`
  }
}

function statusOf(reply: Reply | string): number | string {
  return typeof reply === 'string' ? reply : reply.status
}

const A = { host: 'a.test' }
const REGISTRY: SiteWish = { host: 'registry.test', source: { kind: 'registry' } }
const CERTIFICATES = certificatesOf({
  'a.test': 'a.test',
  'b.test': 'a.test',
  'registry.test': 'registry.test',
})

/** The cases of nginx-proxy's own test of its fallback server; `alert`: the handshake is refused. */
const FALLBACK: readonly (readonly [set: keyof typeof SETS, url: string, status: number | 'alert'])[] = [
  ['withDefault', 'http://https-and-http.test', 301],
  ['withDefault', 'https://https-and-http.test', 200],
  ['withDefault', 'http://https-only.test', 503],
  ['withDefault', 'https://https-only.test', 200],
  ['withDefault', 'http://http-only.test', 200],
  ['withDefault', 'https://http-only.test', 503],
  ['withDefault', 'http://missing-cert.test', 301],
  ['withDefault', 'https://missing-cert.test', 200],
  ['withDefault', 'http://missing-cert.default-untrusted.test', 200],
  ['withDefault', 'https://missing-cert.default-untrusted.test', 'alert'],
  ['withDefault', 'http://unknown.test', 503],
  ['withDefault', 'https://unknown.test', 503],
  ['untrustedDefault', 'http://https-and-http.test', 301],
  ['untrustedDefault', 'https://https-and-http.test', 200],
  ['untrustedDefault', 'http://https-only.test', 503],
  ['untrustedDefault', 'https://https-only.test', 200],
  ['untrustedDefault', 'http://http-only.test', 200],
  ['untrustedDefault', 'https://http-only.test', 503],
  ['untrustedDefault', 'http://missing-cert.test', 200],
  ['untrustedDefault', 'https://missing-cert.test', 'alert'],
  ['untrustedDefault', 'http://unknown.test', 503],
  ['untrustedDefault', 'https://unknown.test', 503],
  ['noDefault', 'http://https-and-http.test', 301],
  ['noDefault', 'https://https-and-http.test', 200],
  ['noDefault', 'http://https-only.test', 503],
  ['noDefault', 'https://https-only.test', 200],
  ['noDefault', 'http://http-only.test', 200],
  ['noDefault', 'https://http-only.test', 'alert'],
  ['noDefault', 'http://missing-cert.test', 200],
  ['noDefault', 'https://missing-cert.test', 'alert'],
  ['noDefault', 'http://unknown.test', 503],
  ['noDefault', 'https://unknown.test', 'alert'],
  ['noHttp', 'http://https-only.test', 503],
  ['noHttp', 'https://https-only.test', 200],
  ['noHttp', 'http://missing-cert.test', 503],
  ['noHttp', 'https://missing-cert.test', 200],
  ['noHttp', 'http://missing-cert.default-untrusted.test', 200],
  ['noHttp', 'https://missing-cert.default-untrusted.test', 'alert'],
  ['noHttp', 'http://unknown.test', 503],
  ['noHttp', 'https://unknown.test', 503],
  ['noHttps', 'http://http-only.test', 200],
  ['noHttps', 'https://http-only.test', 'alert'],
  ['noHttps', 'http://unknown.test', 503],
  ['noHttps', 'https://unknown.test', 'alert'],
]

const OWN = { 'https-and-http.test': 'x.test', 'https-only.test': 'x.test', 'http-only.test': 'x.test' }
const HOSTS: readonly SiteWish[] = [
  { host: 'https-and-http.test' },
  { host: 'https-only.test', httpsMethod: 'nohttp' },
  { host: 'http-only.test', httpsMethod: 'nohttps' },
  { host: 'missing-cert.test' },
  { host: 'missing-cert.default-untrusted.test' },
]

/** One host may be told not to trust the default certificate. */
function exceptUntrusted(source: CertificateSource): CertificateSource {
  return {
    find: (name, options) =>
      options.isSite && name?.includes('default-untrusted') ? undefined : source.find(name, options),
  }
}

const SETS = {
  withDefault: [HOSTS, exceptUntrusted(certificatesOf(OWN, { isTrusted: true }))],
  untrustedDefault: [HOSTS, certificatesOf(OWN, { isTrusted: false })],
  noDefault: [HOSTS, certificatesOf(OWN)],
  noHttp: [
    HOSTS.map((wish) => ({ ...wish, httpsMethod: 'nohttp' as const })),
    exceptUntrusted(certificatesOf(OWN, { isTrusted: true })),
  ],
  noHttps: [HOSTS.map((wish) => ({ ...wish, httpsMethod: 'nohttps' as const })), certificatesOf(OWN)],
} satisfies Record<string, readonly [readonly SiteWish[], CertificateSource]>

for (const [set, url, expected] of FALLBACK) {
  test(`the front door answers ${url} with ${expected}, set up as ${set}`, async () => {
    const [sites, certificates] = SETS[set]
    await using door = await openTestDoor(makeTable(...sites), { certificates })
    const reply = await ask(door, url)
    assert.equal(statusOf(reply), expected === 'alert' ? 'alert 112' : expected)
    assert.deepEqual(door.failures, [])
  })
}

test('the front door redirects to TLS: 301 for GET and HEAD, what the host says for others', async () => {
  await using door = await openTestDoor(
    makeTable(A, { host: 'b.test', nonGetRedirect: 307, externalHttpsPort: 8443 }, REGISTRY),
    { certificates: CERTIFICATES },
  )
  const rows: readonly (readonly [method: string, url: string, status: number, location: string])[] = [
    ['GET', 'http://a.test/x/../y?z=%20', 301, 'https://a.test/y?z=%20'],
    ['HEAD', 'http://a.test:8080/', 301, 'https://a.test/'],
    ['POST', 'http://a.test/x', 308, 'https://a.test/x'],
    ['GET', 'http://b.test//evil.test/', 301, 'https://b.test:8443//evil.test/'],
    ['PUT', 'http://b.test/', 307, 'https://b.test:8443/'],
    ['GET', 'http://registry.test/v2/', 301, 'https://registry.test/v2/'],
  ]
  for (const [method, url, status, location] of rows) {
    const reply = await ask(door, url, { method })
    assert.ok(typeof reply !== 'string')
    assert.deepEqual([reply.status, reply.headers.location], [status, location])
  }
})

test('the front door redirects to the port that visitors use', async () => {
  const parts = { certificates: CERTIFICATES, externalHttpsPort: 5043 }
  await using door = await openTestDoor(makeTable(A), parts)
  const reply = await ask(door, 'http://a.test/x')
  assert.ok(typeof reply !== 'string')
  assert.equal(reply.headers.location, 'https://a.test:5043/x')
})

test('the front door never serves the registry without TLS where it is to have it', async () => {
  await using door = await openTestDoor(makeTable(REGISTRY, { ...REGISTRY, host: 'bare.test' }), {
    certificates: CERTIFICATES,
  })
  assert.equal(statusOf(await ask(door, 'http://bare.test/v2/')), 503)
  assert.equal(statusOf(await ask(door, 'http://registry.test/v2/')), 301)
})

test('the front door answers the questions of a CA first, for every host and scheme', async () => {
  await using door = await openTestDoor(makeTable(A, { host: 'closed.test', httpsMethod: 'nohttp' }), {
    certificates: CERTIFICATES,
    challenges: {
      httpAnswer: (token) => (token === 'token-1' ? 'token-1.key' : undefined),
      alpnContext: () => undefined,
    },
  })
  const path = '/.well-known/acme-challenge/token-1'
  for (const host of ['http://a.test', 'http://closed.test', 'http://unknown.test', 'https://a.test']) {
    const reply = await ask(door, host + path)
    assert.ok(typeof reply !== 'string')
    assert.deepEqual([reply.status, reply.text], [200, 'token-1.key'])
    assert.match(String(reply.headers['content-type']), /^text\/plain/)
    const head = await ask(door, host + path, { method: 'HEAD' })
    assert.ok(typeof head !== 'string')
    assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', '11'])
  }
  assert.equal(statusOf(await ask(door, `http://a.test${path}2`)), 301)
  assert.equal(statusOf(await ask(door, `http://a.test${path}`, { method: 'POST' })), 308)
})

test('the front door serves a host over the connection of another with the same certificate only', async () => {
  await using door = await openTestDoor(makeTable(A, { host: 'b.test' }, REGISTRY, { host: 'bare.test' }), {
    certificates: CERTIFICATES,
  })
  const rows: readonly (readonly [sni: string, host: string, status: number])[] = [
    ['a.test', 'a.test', 200],
    ['A.Test', 'a.test:444', 200],
    ['a.test', 'b.test', 200],
    ['a.test', 'registry.test', 421],
    ['registry.test', 'a.test', 421],
    ['a.test', 'bare.test', 421],
    ['a.test', 'unknown.test', 421],
    ['a.test', '127.0.0.1', 421],
  ]
  for (const [sni, host, status] of rows) {
    const reply = await ask(door, 'https://a.test/', { sni, headers: { host } })
    assert.equal(statusOf(reply), status, `${host} over ${sni}`)
  }
})

test('the front door serves whoever names no host with the default certificate, or that of the default host', async () => {
  const isDefault = { ...A, isDefault: true }
  for (const [sites, certificates, host, expected] of [
    [[isDefault], CERTIFICATES, 'a.test', 200],
    [[isDefault], CERTIFICATES, '127.0.0.1', 200],
    [[A], CERTIFICATES, 'a.test', 'alert 112'],
    [[A], certificatesOf({ 'a.test': 'a.test' }, { isTrusted: true }), '127.0.0.1', 503],
    [[A], certificatesOf({ 'a.test': 'a.test' }, { isTrusted: true }), 'a.test', 421],
    [[A], certificatesOf({}, { isTrusted: true }), 'a.test', 200],
  ] as const) {
    await using door = await openTestDoor(makeTable(...sites), { certificates })
    assert.equal(statusOf(await ask(door, 'https://a.test/', { sni: '', headers: { host } })), expected, host)
  }
})

test('the front door tells health checks how it is, whatever address they ask', async () => {
  await using door = await openTestDoor(makeTable(A))
  const reply = await ask(door, 'http://127.0.0.1/livez')
  assert.ok(typeof reply !== 'string')
  assert.deepEqual([reply.status, reply.text], [200, 'healthy'])
  assert.equal(statusOf(await ask(door, 'http://127.0.0.1/v2/')), 503)
})

test('the front door believes trusted proxies about visitors and TLS, and nobody else', async () => {
  const headers = { 'x-forwarded-for': '192.0.2.66, 203.0.113.7', 'x-forwarded-proto': 'https' }
  {
    await using door = await openTestDoor(makeTable(A), {
      certificates: CERTIFICATES,
      trustedProxies: ['127.0.0.0/8'],
    })
    const reply = await ask(door, 'http://a.test/', { headers })
    assert.ok(typeof reply !== 'string')
    assert.equal(reply.told.remoteAddress, '203.0.113.7')
    assert.equal(reply.told.peerAddress, '127.0.0.1')
    assert.equal(reply.told.isPeerTrusted, true)
  }
  await using door = await openTestDoor(makeTable(A), { certificates: CERTIFICATES })
  assert.equal(statusOf(await ask(door, 'http://a.test/', { headers })), 301)
  const reply = await ask(door, 'https://a.test/', { headers })
  assert.ok(typeof reply !== 'string')
  assert.equal(reply.told.remoteAddress, '127.0.0.1')
  assert.equal(reply.told.isPeerTrusted, false)
})

const HEADS: Readonly<Record<string, readonly [head: string, status: number, url?: string]>> = {
  'a usual request': ['GET /x HTTP/1.1\r\nHost: a.test\r\n', 200, '/x'],
  'the absolute form': ['GET http://A.test/x?y HTTP/1.1\r\nHost: a.test\r\n', 200, '/x?y'],
  'the absolute form without a path': ['GET https://a.test?y HTTP/1.1\r\nHost: a.test\r\n', 200, '/?y'],
  'the absolute form of another host': ['GET http://b.test/x HTTP/1.1\r\nHost: a.test\r\n', 400],
  'the absolute form with a user': ['GET http://u@a.test/x HTTP/1.1\r\nHost: a.test\r\n', 400],
  'another scheme': ['GET ftp://a.test/x HTTP/1.1\r\nHost: a.test\r\n', 400],
  'two hosts': ['GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n', 400],
  'one host twice': ['GET / HTTP/1.1\r\nHost: a.test\r\nHOST: a.test\r\n', 400],
  'no host': ['GET / HTTP/1.1\r\nX: a.test\r\n', 400],
  'an empty host': ['GET / HTTP/1.1\r\nHost:\r\n', 400],
  'a host with a path': ['GET / HTTP/1.1\r\nHost: a.test/b\r\n', 400],
  'a tunnel': ['CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n', 405],
  'an upgrade to HTTP/2': [
    'GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: h2c\r\n',
    200,
    '/x',
  ],
  'an upgrade of a registry': [
    'GET /x HTTP/1.1\r\nHost: r.test\r\nConnection: upgrade\r\nUpgrade: x\r\n',
    200,
    '/x',
  ],
  'an upgrade of no host': ['GET /x HTTP/1.1\r\nHost: u.test\r\nConnection: upgrade\r\nUpgrade: x\r\n', 503],
}
for (const [what, [head, status, url]] of Object.entries(HEADS)) {
  test(`the front door answers ${what} with ${status}`, async () => {
    const httpsMethod = 'nohttps'
    await using door = await openTestDoor(
      makeTable({ ...A, httpsMethod }, { ...REGISTRY, host: 'r.test', httpsMethod }),
    )
    const socket = await connectTo(door.httpPort)
    const isUpgrade = head.includes('Upgrade')
    socket.write(`${head}${isUpgrade ? '' : 'Connection: close\r\n'}\r\n`)
    const [bytes] = await once(socket, 'data')
    socket.destroy()
    assert.match(String(bytes), new RegExp(`^HTTP/1.1 ${status} `))
    if (url !== undefined) assert.match(String(bytes), new RegExp(`"url":"${url.replaceAll('?', '\\?')}"`))
    assert.deepEqual(door.failures, [])
  })
}

test('the front door passes upgrades on, with what came behind them', async () => {
  await using door = await openTestDoor(makeTable({ ...A, httpsMethod: 'nohttps' }))
  const socket = await connectTo(door.httpPort)
  socket.write('GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
    if (text.endsWith('early')) socket.write('late')
    if (text.endsWith('late')) socket.end()
  })
  await once(socket, 'close')
  assert.match(text, /^HTTP\/1\.1 101 .*\r\n\r\nearlylate$/s)
})

test('the front door survives a handler that fails', async () => {
  await using door = await openTestDoor(makeTable({ ...A, httpsMethod: 'nohttps' }), {
    handler: {
      serve: ({ request }) =>
        request.url === '/later' ? Promise.reject(new Error('later')) : TELLING_HANDLER.serve(fail()),
      upgrade: () => Promise.reject(new Error('upgrade')),
    },
  })
  assert.equal(statusOf(await ask(door, 'http://a.test/later')), 500)
  assert.equal(statusOf(await ask(door, 'http://a.test/now')), 500)
  const socket = await connectTo(door.httpPort)
  socket.write('GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
  assert.equal((await readAll(socket)).length, 0)
  assert.equal(door.failures.length, 3)
})

function fail(): never {
  throw new Error('now')
}

test('`setSites()` changes what the next request sees, and none that is under way', async () => {
  const gate = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  await using door = await openTestDoor(makeTable({ ...A, httpsMethod: 'nohttps' }), {
    handler: {
      ...TELLING_HANDLER,
      async serve(exchange) {
        if (exchange.request.url === '/slow') {
          arrived.resolve()
          await gate.promise
        }
        await TELLING_HANDLER.serve(exchange)
      },
    },
  })
  const slow = ask(door, 'http://a.test/slow')
  await arrived.promise
  door.door.setSites(makeTable({ host: 'b.test', httpsMethod: 'nohttps' }))
  assert.equal(statusOf(await ask(door, 'http://a.test/')), 503)
  assert.equal(statusOf(await ask(door, 'http://b.test/')), 200)
  gate.resolve()
  const reply = await slow
  assert.ok(typeof reply !== 'string')
  assert.deepEqual([reply.status, reply.told.site], [200, 'a.test'])
})

test('`setSites()` a hundred times under load drops nothing', async () => {
  const certificates = certificatesOf({ 'a.test': 'a.test' })
  await using door = await openTestDoor(makeTable(A), { certificates })
  let isDone = false
  const work = Array.from({ length: 4 }, async () => {
    const statuses = new Set<number | string>()
    while (!isDone) statuses.add(statusOf(await ask(door, 'https://a.test/')))
    return [...statuses]
  })
  for (let round = 0; round < 100; round++) {
    door.door.setSites(makeTable(A, { host: `b${round}.test` }))
    if (round % 10 === 0) await ask(door, 'https://a.test/')
  }
  isDone = true
  for (const statuses of await Promise.all(work)) assert.deepEqual(statuses, [200])
})
