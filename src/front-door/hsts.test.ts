import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { test } from 'node:test'
import { CA, openClientHosts } from '../../test/support/door/client-hosts.ts'
import { HOST, openProxyRoom, type ProxyRoomOptions } from '../../test/support/door/proxy-room.ts'
import { requestDoor } from '../../test/support/door/request-door.ts'
import { startApp } from '../../test/support/door/start-app.ts'

const HSTS = 'max-age=31536000'

async function requestTls(
  options: ProxyRoomOptions,
  path: string,
  headers: Record<string, string>,
): Promise<readonly [status: number | undefined, hsts: string | undefined]> {
  await using room = await openProxyRoom({
    ...options,
    declaration: { hsts: HSTS, httpsMethod: 'redirect', ...options.declaration },
  })
  const to = { host: '127.0.0.1', port: room.tlsPort, servername: HOST, rejectUnauthorized: false }
  const request = httpsRequest({ ...to, path, agent: false, headers: { host: HOST, ...headers } }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  // Node's own view of the headers keeps the first of several.
  const all = response.headersDistinct['strict-transport-security']
  return [response.statusCode, all?.join(', ')]
}

const UPGRADE = { connection: 'Upgrade', upgrade: 'websocket' }

for (const [what, options, path, status, headers = {}] of [
  ['a closed host', { vhost: 'auth_nonsense on;' }, '/', 503],
  ['a closed host, asked for another protocol', { vhost: 'auth_nonsense on;' }, '/', 503, UPGRADE],
  ['a path that cannot be read in one way only', {}, '/%zz', 400],
  ['a host without servers', {}, '/', 503],
  ['a host without servers, asked for another protocol', {}, '/', 503, UPGRADE],
  ['a dead server', { ports: [1] }, '/', 502],
  ['a dead server, asked for another protocol', { ports: [1] }, '/', 502, UPGRADE],
  [
    'a visitor who is not let in, asked for another protocol',
    { ports: [1], vhost: 'deny all;' },
    '/',
    403,
    UPGRADE,
  ],
  ['an error page somewhere else', { vhost: 'error_page 503 https://status.example/;' }, '/', 302],
  ['a visitor who is not let in', { vhost: 'deny all;' }, '/', 403],
  [
    'a body that is too large',
    { ports: [1], vhost: 'client_max_body_size 1;' },
    '/',
    413,
    { 'content-length': '2' },
  ],
  ['a redirect', { vhost: 'return 301 /x;' }, '/', 301],
] as const satisfies readonly (readonly [
  string,
  ProxyRoomOptions,
  string,
  number,
  Record<string, string>?,
])[]) {
  test(`HSTS is on the answer over TLS of ${what}`, async () => {
    assert.deepEqual(await requestTls(options, path, headers), [status, HSTS])
    const noredirect = { ...options, declaration: { httpsMethod: 'noredirect' } } as const
    assert.deepEqual(await requestTls(noredirect, path, headers), [status, undefined])
  })
}

test('HSTS is on the answer of a server that does not change the protocol', async () => {
  await using app = await startApp((_request, response) => response.writeHead(426).end('no'))
  assert.deepEqual(await requestTls({ ports: [app.port] }, '/', UPGRADE), [426, HSTS])
})

test('HSTS is on the refusal of who shows no client certificate, and of a host closed for want of a CA', async () => {
  const common = { hsts: HSTS, httpsMethod: 'redirect' } as const
  const sites = [
    { host: 'a.test', ...common },
    { host: 'b.test', ...common },
  ]
  await using room = await openClientHosts({ 'a.test.ca.crt': CA.pem, 'b.test.ca.crt': 'nonsense' }, sites)
  for (const [url, status] of [
    ['https://a.test/', 400],
    ['https://b.test/', 503],
  ] as const) {
    const reply = await requestDoor(room.door, url)
    assert.ok(typeof reply !== 'string')
    assert.deepEqual([reply.status, reply.headers['strict-transport-security']], [status, HSTS])
  }
})

test('HSTS is not on the answer of a host that is served without TLS only', async () => {
  const sites = [{ host: 'a.test', hsts: HSTS, httpsMethod: 'nohttps' }] as const
  await using room = await openClientHosts({ 'default.crt': '' }, sites)
  const reply = await requestDoor(room.door, 'http://a.test/')
  assert.ok(typeof reply !== 'string')
  assert.equal(reply.headers['strict-transport-security'], undefined)
})

test('there is one HSTS header, the own one of the host, whatever the application and the vhost file say', async () => {
  await using app = await startApp((_request, response) => {
    response.setHeader('strict-transport-security', ['max-age=1', 'max-age=2'])
    response.end('ok')
  })
  const vhost = 'add_header Strict-Transport-Security "max-age=3" always; location = /own { return 204; }'
  for (const [path, status] of [
    ['/', 200],
    ['/own', 204],
  ] as const) {
    assert.deepEqual(await requestTls({ ports: [app.port], vhost }, path, {}), [status, HSTS])
  }
  const off = { declaration: { hsts: undefined }, ports: [app.port] }
  assert.deepEqual(await requestTls(off, '/', {}), [200, 'max-age=1, max-age=2'])
})
