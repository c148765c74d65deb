import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requestDoor, statusOf } from '../../test/support/door/request-door.ts'
import {
  createCertificates,
  ECHO_HANDLER,
  makeTable,
  openTestDoor,
  type SiteWish,
} from '../../test/support/door/test-door.ts'

const A = { host: 'a.test' }
const REGISTRY: SiteWish = { host: 'registry.test', source: { kind: 'registry' } }
const CERTIFICATES = createCertificates({
  'a.test': 'a.test',
  'b.test': 'a.test',
  'registry.test': 'registry.test',
})

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
    const reply = await requestDoor(door, url, { method })
    assert.ok(typeof reply !== 'string')
    assert.deepEqual([reply.status, reply.headers.location], [status, location])
  }
})

test('the front door redirects to the port that visitors use', async () => {
  const parts = { certificates: CERTIFICATES, externalHttpsPort: 5043 }
  await using door = await openTestDoor(makeTable(A), parts)
  const reply = await requestDoor(door, 'http://a.test/x')
  assert.ok(typeof reply !== 'string')
  assert.equal(reply.headers.location, 'https://a.test:5043/x')
})

test('the front door never serves the registry without TLS where it is to have it', async () => {
  await using door = await openTestDoor(makeTable(REGISTRY, { ...REGISTRY, host: 'bare.test' }), {
    certificates: CERTIFICATES,
  })
  assert.equal(statusOf(await requestDoor(door, 'http://bare.test/v2/')), 503)
  assert.equal(statusOf(await requestDoor(door, 'http://registry.test/v2/')), 301)
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
    const reply = await requestDoor(door, host + path)
    assert.ok(typeof reply !== 'string')
    assert.deepEqual([reply.status, reply.text], [200, 'token-1.key'])
    assert.match(String(reply.headers['content-type']), /^text\/plain/)
    const head = await requestDoor(door, host + path, { method: 'HEAD' })
    assert.ok(typeof head !== 'string')
    assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', '11'])
  }
  assert.equal(statusOf(await requestDoor(door, `http://a.test${path}2`)), 301)
  assert.equal(statusOf(await requestDoor(door, `http://a.test${path}`, { method: 'POST' })), 308)
})

test('the front door serves a host over the connection of another with the same certificate only', async () => {
  await using door = await openTestDoor(makeTable(A, { host: 'b.test' }, REGISTRY, { host: 'bare.test' }), {
    certificates: CERTIFICATES,
  })
  const rows: readonly (readonly [sni: string, host: string, status: number])[] = [
    ['a.test', 'a.test', 200],
    ['A.Test', 'a.test:444', 200],
    ['a.test.', 'A.TEST.', 200],
    ['a.test', 'b.test', 200],
    ['a.test', 'registry.test', 421],
    ['registry.test', 'a.test', 421],
    ['a.test', 'bare.test', 421],
    ['a.test', 'unknown.test', 421],
    ['a.test', '127.0.0.1', 421],
  ]
  for (const [sni, host, status] of rows) {
    const reply = await requestDoor(door, 'https://a.test/', { sni, headers: { host } })
    assert.equal(statusOf(reply), status, `${host} over ${sni}`)
  }
})

test('the front door serves whoever names no host with the default certificate, or that of the default host', async () => {
  const isDefault = { ...A, isDefault: true }
  for (const [sites, certificates, host, expected] of [
    [[isDefault], CERTIFICATES, 'a.test', 200],
    [[isDefault], CERTIFICATES, '127.0.0.1', 200],
    [[A], CERTIFICATES, 'a.test', 'alert 112'],
    [[A], createCertificates({ 'a.test': 'a.test' }, { hasDefault: true }), '127.0.0.1', 503],
    [[A], createCertificates({ 'a.test': 'a.test' }, { hasDefault: true }), 'a.test', 421],
    [[A], createCertificates({}, { hasDefault: true }), 'a.test', 200],
  ] as const) {
    await using door = await openTestDoor(makeTable(...sites), { certificates })
    assert.equal(
      statusOf(await requestDoor(door, 'https://a.test/', { sni: '', headers: { host } })),
      expected,
      host,
    )
  }
})

test('the front door tells health checks how it is, whatever address they ask', async () => {
  await using door = await openTestDoor(makeTable(A))
  const reply = await requestDoor(door, 'http://127.0.0.1/livez')
  assert.ok(typeof reply !== 'string')
  assert.deepEqual([reply.status, reply.text], [200, 'healthy'])
  assert.equal(statusOf(await requestDoor(door, 'http://127.0.0.1/v2/')), 503)
})

test('the front door believes trusted proxies about visitors and TLS, and nobody else', async () => {
  const headers = { 'x-forwarded-for': '192.0.2.66, 203.0.113.7', 'x-forwarded-proto': 'https' }
  {
    await using door = await openTestDoor(makeTable(A), {
      certificates: CERTIFICATES,
      trustedProxies: ['127.0.0.0/8'],
    })
    const reply = await requestDoor(door, 'http://a.test/', { headers })
    assert.ok(typeof reply !== 'string')
    assert.equal(reply.seen.remoteAddress, '203.0.113.7')
    assert.equal(reply.seen.peerAddress, '127.0.0.1')
    assert.equal(reply.seen.isPeerTrusted, true)
  }
  await using door = await openTestDoor(makeTable(A), { certificates: CERTIFICATES })
  assert.equal(statusOf(await requestDoor(door, 'http://a.test/', { headers })), 301)
  const reply = await requestDoor(door, 'https://a.test/', { headers })
  assert.ok(typeof reply !== 'string')
  assert.equal(reply.seen.remoteAddress, '127.0.0.1')
  assert.equal(reply.seen.isPeerTrusted, false)
})

test('`setSites()` changes what the next request sees, and none that is under way', async () => {
  const gate = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  await using door = await openTestDoor(makeTable({ ...A, httpsMethod: 'nohttps' }), {
    handler: {
      ...ECHO_HANDLER,
      async serve(visit, response) {
        if (visit.request.url === '/slow') {
          arrived.resolve()
          await gate.promise
        }
        await ECHO_HANDLER.serve(visit, response)
      },
    },
  })
  const slow = requestDoor(door, 'http://a.test/slow')
  await arrived.promise
  door.door.setSites(makeTable({ host: 'b.test', httpsMethod: 'nohttps' }))
  assert.equal(statusOf(await requestDoor(door, 'http://a.test/')), 503)
  assert.equal(statusOf(await requestDoor(door, 'http://b.test/')), 200)
  gate.resolve()
  const reply = await slow
  assert.ok(typeof reply !== 'string')
  assert.deepEqual([reply.status, reply.seen.site], [200, 'a.test'])
})

test('`setSites()` a hundred times under load drops nothing', async () => {
  const certificates = createCertificates({ 'a.test': 'a.test' })
  await using door = await openTestDoor(makeTable(A), { certificates })
  let isDone = false
  const work = Array.from({ length: 4 }, async () => {
    const statuses = new Set<number | string>()
    while (!isDone) statuses.add(statusOf(await requestDoor(door, 'https://a.test/')))
    return [...statuses]
  })
  for (let round = 0; round < 100; round++) {
    door.door.setSites(makeTable(A, { host: `b${round}.test` }))
    if (round % 10 === 0) await requestDoor(door, 'https://a.test/')
  }
  isDone = true
  for (const statuses of await Promise.all(work)) assert.deepEqual(statuses, [200])
})
