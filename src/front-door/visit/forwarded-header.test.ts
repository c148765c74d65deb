import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { HOST, openProxyRoom, type ProxyRoomOptions } from '../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../test/support/door/start-app.ts'
import { spreadForwarded } from './forwarded-header.ts'

const isTrusted = (address: string): boolean => address.startsWith('10.')

/** A header, and its result: addresses, scheme, host. */
const ROWS: readonly [header: string, seen: readonly (string | undefined)[]][] = [
  ['for=203.0.113.7;proto=https;host=a.test', ['203.0.113.7', 'https', 'a.test']],
  ['For="[2001:db8::7]:4711" ; Proto=HTTPS', ['[2001:db8::7]:4711', 'https', undefined]],
  [
    'for=203.0.113.7;proto=https;host="a.test:8443", for=10.0.0.1;proto=http;host=in',
    ['203.0.113.7, 10.0.0.1', 'https', 'a.test:8443'],
  ],
  // The part before an untrusted address was written by a visitor.
  [
    'for=10.9.9.9;proto=https;host=evil, for=203.0.113.7;proto=http',
    ['10.9.9.9, 203.0.113.7', 'http', undefined],
  ],
  ['for=_hidden;proto=https, for=unknown', ['_hidden, unknown', undefined, undefined]],
  ['proto=javascript;host="a b";for="1.2.3.4\\"\\,x"', ['unknown', undefined, undefined]],
  ['for=203.0.113.7;host="x', [undefined, undefined, undefined]],
  [`for=203.0.113.7;x=${'y'.repeat(2_048)}`, [undefined, undefined, undefined]],
  [',;,', [undefined, undefined, undefined]],
]

for (const [forwarded, seen] of ROWS) {
  test(`\`spreadForwarded()\` of ${forwarded.slice(0, 60)}`, () => {
    const headers = spreadForwarded({ forwarded }, isTrusted)
    const { 'x-forwarded-for': addresses, 'x-forwarded-proto': scheme, 'x-forwarded-host': host } = headers
    assert.deepEqual([addresses, scheme, host], seen)
  })
}

test('`spreadForwarded()` leaves what a proxy says the other way alone', () => {
  for (const name of ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port']) {
    const headers: IncomingHttpHeaders = { forwarded: 'for=203.0.113.7;proto=https;host=x', [name]: '1' }
    assert.deepEqual(Object.keys(spreadForwarded(headers, isTrusted)), ['forwarded', name])
  }
})

test('`spreadForwarded()` takes no longer for spaces than for what it can read', () => {
  const measureTime = (forwarded: string): number => {
    const begin = performance.now()
    for (let run = 0; run < 100; run++) spreadForwarded({ forwarded }, isTrusted)
    return performance.now() - begin
  }
  const readable = 'for=10.0.0.1;proto=https, '.repeat(78)
  measureTime(readable)
  const spaces = measureTime(`${' '.repeat(2_000)}!`)
  assert.ok(spaces < 20 * measureTime(readable), `${spaces} ms`)
})

/** Status and headers as an application got them, of a request with `Forwarded`. */
async function readSeen(
  options: ProxyRoomOptions,
  forwarded: string,
): Promise<[number | undefined, IncomingHttpHeaders]> {
  await using app = await startApp((request, response) => response.end(JSON.stringify(request.headers)))
  await using room = await openProxyRoom({ ports: [app.port], ...options })
  const headers = { host: HOST, forwarded }
  const to = { host: '127.0.0.1', port: room.port, path: '/', agent: false, headers }
  const [response] = (await once(httpRequest(to).end(), 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return [response.statusCode, response.statusCode === 200 ? JSON.parse(text) : {}]
}

const FROM_OUTSIDE = 'for=203.0.113.7;proto=https;host=a.test'

test('a site behind a proxy that sends Forwarded knows visitor and scheme, and believes nobody else', async () => {
  const trustedProxies = ['127.0.0.0/8']
  const [, seen] = await readSeen({ trustedProxies }, FROM_OUTSIDE)
  assert.deepEqual([seen['x-real-ip'], seen['x-forwarded-proto']], ['203.0.113.7', 'https'])
  const [, own] = await readSeen({}, FROM_OUTSIDE)
  assert.deepEqual([own['x-real-ip'], own['x-forwarded-proto']], ['127.0.0.1', 'http'])
})

test('a site for private networks is closed to a visitor whom only Forwarded names', async () => {
  const trustedProxies = ['127.0.0.0/8']
  const vhost = 'allow 127.0.0.0/8; deny all;'
  assert.equal((await readSeen({ trustedProxies, vhost }, FROM_OUTSIDE))[0], 403)
  assert.equal((await readSeen({ vhost }, FROM_OUTSIDE))[0], 200)
})
