import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { test } from 'node:test'
import { HOST, openProxyRoom, type ProxyRoomOptions } from '../../../test/support/door/proxy-room.ts'
import { requestDoor } from '../../../test/support/door/request-door.ts'
import { startApp } from '../../../test/support/door/start-app.ts'
import { createCertificates, makeTable, openTestDoor } from '../../../test/support/door/test-door.ts'

const OWN = { externalHttpPort: 8080, externalHttpsPort: 8443 }
const MAP =
  'proxy_set_header X-Forwarded-Port $proxy_x_forwarded_port; proxy_set_header X-Listening $server_port;'

/** The port that the application gets, and `$server_port`. */
async function readPorts(
  scheme: 'http' | 'https',
  options: ProxyRoomOptions,
  headers: Record<string, string> = {},
): Promise<readonly [forwarded: unknown, listening: unknown, port: number]> {
  await using app = await startApp((request, response) => response.end(JSON.stringify(request.headers)))
  await using room = await openProxyRoom({ ports: [app.port], ...options })
  const port = scheme === 'https' ? room.tlsPort : room.port
  const to = { host: '127.0.0.1', port, path: '/', agent: false, headers: { host: HOST, ...headers } }
  const request =
    scheme === 'https'
      ? httpsRequest({ ...to, servername: HOST, rejectUnauthorized: false })
      : httpRequest(to)
  const [response] = (await once(request.end(), 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  const seen = JSON.parse(text) as Record<string, unknown>
  return [seen['x-forwarded-port'], seen['x-listening'], port]
}

for (const [scheme, expected] of [
  ['http', '8080'],
  ['https', '8443'],
] as const) {
  test(`an application gets the port that visitors use for ${scheme}, where the host declares it`, async () => {
    assert.equal((await readPorts(scheme, { declaration: OWN }))[0], expected)
    const [forwarded, listening, port] = await readPorts(scheme, { declaration: OWN, vhost: MAP })
    assert.deepEqual([forwarded, listening], [expected, String(port)])
  })

  test(`an application gets the port listened on for ${scheme}, where nothing else is declared`, async () => {
    const [forwarded, , port] = await readPorts(scheme, {})
    assert.equal(forwarded, String(port))
  })
}

test('what a trusted proxy says of the port counts more, and what a visitor says nothing', async () => {
  const headers = { 'x-forwarded-port': '9999' }
  const trusted = { declaration: OWN, trustedProxies: ['127.0.0.0/8'] }
  assert.equal((await readPorts('http', trusted, headers))[0], '9999')
  assert.equal((await readPorts('http', { declaration: OWN }, headers))[0], '8080')
})

test('the ports of the proxy are for hosts that do not say their own', async () => {
  const own = { ...OWN, host: 'own.test', httpsMethod: 'noredirect' } as const
  const other = { host: 'other.test', httpsMethod: 'noredirect' } as const
  const certificates = createCertificates({ 'own.test': 'own.test', 'other.test': 'other.test' })
  const ports = { externalHttpPort: 80, externalHttpsPort: 443 }
  await using door = await openTestDoor(makeTable(own, other), { certificates, ...ports })
  for (const [url, expected] of [
    ['http://own.test/', 8080],
    ['https://own.test/', 8443],
    ['http://other.test/', 80],
    ['https://other.test/', 443],
  ] as const) {
    const reply = await requestDoor(door, url)
    assert.ok(typeof reply !== 'string')
    assert.equal(reply.seen.visitorPort, expected)
  }
})

/** Headers of a trusted proxy, and the port that follows from them; `own`: the host has ports of its own. */
const TOLD: readonly [headers: Record<string, string>, plain: string | undefined, own: string][] = [
  [{ 'x-forwarded-proto': 'https' }, '443', '8443'],
  [{ 'x-forwarded-proto': 'http' }, '80', '8080'],
  [{ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'app.example:9443' }, '9443', '9443'],
  [{ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'app.example' }, '443', '8443'],
  [{ 'x-forwarded-proto': 'https, http', 'x-forwarded-host': 'a.example:1, b.example:2' }, '1', '1'],
  [{ 'x-forwarded-proto': 'https', host: `${HOST}:7443` }, '7443', '7443'],
  [{ 'x-forwarded-proto': 'https', 'x-forwarded-port': '5' }, '5', '5'],
  [{ 'x-forwarded-host': 'app.example:9080' }, '9080', '9080'],
  [{ 'x-forwarded-for': '192.0.2.1' }, undefined, '8080'],
]
for (const [headers, plain, own] of TOLD) {
  test(`the port agrees with what a trusted proxy says: ${JSON.stringify(headers)}`, async () => {
    for (const vhost of ['', MAP]) {
      const trusted = { trustedProxies: ['127.0.0.0/8'], vhost }
      const [forwarded, , listening] = await readPorts('http', trusted, headers)
      assert.equal(forwarded, plain ?? String(listening))
      assert.equal((await readPorts('http', { ...trusted, declaration: OWN }, headers))[0], own)
    }
  })
}

test('what a visitor says of scheme and host changes no port', async () => {
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'app.example:9443' }
  const [forwarded, , listening] = await readPorts('http', {}, headers)
  assert.equal(forwarded, String(listening))
})
