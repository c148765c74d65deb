import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainAddress } from './address/network-address.ts'
import { createVisitMaker } from './make-visit.ts'
import type { Visit } from './visit.ts'

const PROXY = '10.0.0.1'

/** The visit of a request over a connection from a peer. */
function visitFrom(
  peer: string | undefined,
  headers: Record<string, string>,
  { trustedProxies = [], isEncrypted = false }: { trustedProxies?: string[]; isEncrypted?: boolean } = {},
): Visit {
  const facts = {
    remoteAddress: plainAddress(peer),
    remotePort: 4711,
    localPort: 5000,
    serverName: undefined,
  }
  const makeVisit = createVisitMaker({ trustedProxies, newRequestId: () => 'r1' })
  return makeVisit({ headers }, { ...facts, scheme: isEncrypted ? 'https' : 'http' })
}

function read(peer: string | undefined, headers: Record<string, string>, trustedProxies = [PROXY]) {
  const { origin, remoteAddress: remote } = visitFrom(peer, headers, { trustedProxies })
  return { origin, remote }
}

const HOST = 'registry.example.com'
/** Headers of a trusted proxy -> result. */
const TRUSTED: readonly (readonly [headers: Record<string, string>, origin: string, remote?: string])[] = [
  [{ host: HOST }, `http://${HOST}`],
  [{ host: HOST, 'x-forwarded-proto': 'https' }, `https://${HOST}`],
  [{ host: 'berth:5000', 'x-forwarded-proto': 'https', 'x-forwarded-host': HOST }, `https://${HOST}`],
  [{ host: HOST, 'x-forwarded-proto': 'https', 'x-forwarded-port': '8443' }, `https://${HOST}:8443`],
  [{ host: `${HOST}:8443`, 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' }, `https://${HOST}:8443`],
  [{ host: HOST, 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' }, `https://${HOST}`],
  [{ host: HOST, 'x-forwarded-proto': 'https', 'x-forwarded-port': '80' }, `https://${HOST}`],
  [
    { host: '[2001:db8::1]', 'x-forwarded-proto': 'https', 'x-forwarded-port': '8443' },
    'https://[2001:db8::1]:8443',
  ],
  [{ host: HOST, 'x-forwarded-port': '1"2' }, `http://${HOST}`],
  [{ host: HOST, 'x-forwarded-proto': 'javascript' }, `http://${HOST}`],
  [{ host: HOST, 'x-forwarded-host': 'a"b' }, 'http://localhost'],
  [{ host: HOST, 'x-forwarded-for': '192.0.2.1, 192.0.2.2' }, `http://${HOST}`, '192.0.2.2'],
  [{ host: 'x', forwarded: `for=192.0.2.1;proto=https;host=${HOST}` }, `https://${HOST}`, '192.0.2.1'],
  [
    { host: 'x', forwarded: `For="[2001:db8::7]:4711" ; Proto=https; Host="${HOST}:8443"` },
    `https://${HOST}:8443`,
    '2001:db8::7',
  ],
  [
    { host: HOST, forwarded: 'for=198.51.100.9;proto=http, for=192.0.2.1;proto=https' },
    `https://${HOST}`,
    '192.0.2.1',
  ],
  [{ host: HOST, forwarded: 'for=unknown, for=_hidden;proto=https' }, `https://${HOST}`, PROXY],
  [{ host: HOST, forwarded: 'proto=https;host="unclosed' }, `http://${HOST}`],
  [{ host: HOST, forwarded: 'proto=https '.repeat(1_000) }, `http://${HOST}`],
  // Of a proxy that sets the older ones and passes this one on.
  [
    { host: HOST, 'x-forwarded-proto': 'https', forwarded: 'for=1.2.3.4;host=evil' },
    `https://${HOST}`,
    PROXY,
  ],
]

for (const [headers, origin, remote = PROXY] of TRUSTED) {
  test(`a trusted proxy with ${JSON.stringify(headers).slice(0, 150)}`, () => {
    assert.deepEqual(read(PROXY, headers), { origin, remote })
  })
}

test('who is not trusted is not believed, and a proxy on this machine only for scheme, host and port', () => {
  const headers = {
    host: 'h',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': HOST,
    'x-forwarded-port': '8443',
    'x-forwarded-for': '192.0.2.1',
  }
  assert.deepEqual(read('10.0.0.2', headers), { origin: 'http://h', remote: '10.0.0.2' })
  const byDefault: string[] = []
  for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1', undefined]) {
    const { origin, remote } = read(peer, headers, byDefault)
    assert.equal(origin, `https://${HOST}:8443`)
    assert.notEqual(remote, '192.0.2.1')
    assert.equal(read(peer, headers).origin, 'http://h', 'others are named')
  }
  assert.equal(read('10.0.0.2', headers, byDefault).origin, 'http://h')
  const overTls = visitFrom('127.0.0.1', { host: 'h', 'x-forwarded-host': HOST }, { isEncrypted: true })
  assert.equal(overTls.origin, 'https://h')
})

test('a proxy that says https and is not trusted raises a doubt', () => {
  const headers = { host: HOST, 'x-forwarded-proto': 'https' }
  assert.equal(visitFrom('172.17.0.1', { host: HOST }).doubt, undefined)
  assert.equal(visitFrom('127.0.0.1', headers).doubt, undefined)
  assert.deepEqual(visitFrom('172.17.0.1', headers).doubt, { kind: 'untrusted', url: `https://${HOST}` })
})

test('a proxy that says nothing of the scheme raises a doubt, trusted or not', () => {
  const marks = [
    { 'x-forwarded-for': '192.0.2.1' },
    { 'x-real-ip': '192.0.2.1' },
    { 'x-forwarded-ssl': 'on' },
    { via: '1.1 proxy' },
    { forwarded: 'for=192.0.2.1' },
  ]
  for (const peer of ['127.0.0.1', '172.17.0.1']) {
    for (const mark of marks) {
      const headers = { host: HOST, ...mark }
      assert.equal(visitFrom(peer, { host: HOST }).doubt, undefined)
      assert.equal(visitFrom(peer, headers, { isEncrypted: true }).doubt, undefined)
      assert.deepEqual(visitFrom(peer, headers).doubt, { kind: 'silent', url: `https://${HOST}` })
    }
  }
})

test('a proxy that says http, and none at all, raise no doubt', () => {
  for (const peer of ['127.0.0.1', '172.17.0.1']) {
    assert.equal(visitFrom(peer, { host: HOST }).doubt, undefined)
    const headers = { host: HOST, 'x-forwarded-proto': 'http', via: '1.1 proxy' }
    assert.equal(visitFrom(peer, headers).doubt, undefined)
  }
})

test('a visit of a trusted proxy has the name of no proxy on the way', () => {
  const headers = { host: HOST, 'x-forwarded-for': '203.0.113.9, 10.0.0.2' }
  const visit = visitFrom('10.0.0.1', headers, { trustedProxies: ['10.0.0.0/8'] })
  assert.deepEqual([visit.remoteAddress, visit.peerAddress], ['203.0.113.9', '10.0.0.1'])
})

test('a `Forwarded` header takes no longer to be read than its length, whatever is in it', () => {
  const length = 2_040
  const measureTime = (forwarded: string): number => {
    const begin = process.cpuUsage()
    for (let round = 0; round < 5; round++) read(PROXY, { host: HOST, forwarded })
    const { user, system } = process.cpuUsage(begin)
    return user + system
  }
  const measureBest = (forwarded: string): number =>
    Math.min(...Array.from({ length: 5 }, () => measureTime(forwarded)))
  const usual = measureBest('for=192.0.2.1;proto=https, '.repeat(length / 27))
  for (const odd of [
    `,${' '.repeat(length)}x`,
    `for=a${' '.repeat(length)}x`,
    `for="${'\\a'.repeat(length / 2)}`,
  ]) {
    const took = measureBest(odd)
    // Time is linear: a pattern that matches each space in several ways takes a hundred times as long.
    assert.ok(took < 10 * usual + 1_000, `${took} us, a usual one takes ${usual} us`)
  }
})

/** `X-Request-Id` of a request, and the id of its visit. */
const IDS: readonly (readonly [given: string, id: string])[] = [
  ['3f2a7c1e-0d4b-4a55-9a57-6a2f0d9c1b11', '3f2a7c1e-0d4b-4a55-9a57-6a2f0d9c1b11'],
  ['req_1.2-3', 'req_1.2-3'],
  ['x'.repeat(64), 'x'.repeat(64)],
  ['x'.repeat(65), 'r1'],
  ['', 'r1'],
  ['-x', 'r1'],
  ['a b', 'r1'],
  ['a"b', 'r1'],
  ['a, b', 'r1'],
  ['\u00e4', 'r1'],
]
for (const [given, id] of IDS) {
  test(`a visit through a trusted proxy with the request id ${JSON.stringify(given)} has the id ${id}`, () => {
    const headers = { host: HOST, 'x-request-id': given }
    assert.equal(visitFrom(PROXY, headers, { trustedProxies: [PROXY] }).requestId, id)
    assert.equal(visitFrom('192.0.2.1', headers, { trustedProxies: [PROXY] }).requestId, 'r1')
    assert.equal(visitFrom('127.0.0.1', headers).requestId, 'r1')
  })
}
