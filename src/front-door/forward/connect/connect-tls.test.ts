import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { makeAlpnCertificate } from '../../../certificates/x509/write/alpn-certificate.ts'
import { defaultSettings } from '../../vhost/settings/default-settings.ts'
import { Http2Upstreams } from '../send/forward-h2c.ts'
import type { AnswerSink } from '../send/forward-request.ts'
import { upstreamTls } from './connect-tls.ts'

const SAID = { verify: false, serverName: false, name: undefined }

const NAMES: readonly [
  said: Partial<Parameters<typeof upstreamTls>[0]>,
  host: string,
  sentName: string | undefined,
  verified: string,
][] = [
  [{}, '10.0.0.1', undefined, '10.0.0.1'],
  [{}, 'fd00::1', undefined, 'fd00::1'],
  [{}, 'backend.test', 'backend.test', 'backend.test'],
  [{ serverName: true }, '10.0.0.1', undefined, '10.0.0.1'],
  [{ serverName: true, name: 'inner.test' }, '10.0.0.1', 'inner.test', 'inner.test'],
  [{ name: 'inner.test' }, 'backend.test', undefined, 'inner.test'],
]

for (const [said, host, sentName, verified] of NAMES) {
  test(`upstreamTls() asks ${host} for ${sentName ?? 'no name'} with ${JSON.stringify(said)}`, () => {
    const tls = upstreamTls({ ...SAID, ...said }, host)
    assert.deepEqual([tls.serverName, tls.verifiedName], [sentName, verified])
  })
}

test('a connection that was not checked is not used by a host that wants it checked', async () => {
  await using app = await startSecure()
  using upstreams = new Http2Upstreams()
  assert.deepEqual(await requestUpstreams(upstreams, app, false), ['head 200', 'end'])
  const [events] = await requestUpstreams(upstreams, app, true)
  assert.match(events ?? '', /^fail /)
})

test('a request that is given up is reported as such, not as a fault of the upstream', async () => {
  await using app = await startSecure()
  using upstreams = new Http2Upstreams()
  assert.deepEqual(await requestUpstreams(upstreams, app, false, { isAborted: true }), ['fail aborted'])
})

async function startSecure() {
  const { certificatePem, keyPem } = makeAlpnCertificate('app.test', 'app.test', Date.now())
  const server: Http2SecureServer = createSecureServer({ cert: certificatePem, key: keyPem })
  server.on('request', (_request, response) => setTimeout(() => response.end('ok'), 20))
  server.on('sessionError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { origin: `https://127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => void server.close() }
}

/** @returns the calls of the sink until it is over. */
async function requestUpstreams(
  upstreams: Http2Upstreams,
  { origin }: { origin: string },
  verify: boolean,
  { isAborted = false } = {},
): Promise<string[]> {
  const events: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const sink: AnswerSink = {
    head: (status) => void events.push(`head ${status}`),
    data: () => true,
    end: () => resolve(void events.push('end')),
    fail: (reason) => resolve(void events.push(`fail ${reason}`)),
  }
  const request = { method: 'GET', target: '/', headers: ['host', 'app.test'], body: null }
  const flight = upstreams.forward(
    { origin, tls: upstreamTls({ ...SAID, verify }, '127.0.0.1') },
    { ...request, settings: defaultSettings({ isRegistry: false }) },
    sink,
  )
  if (isAborted) setTimeout(() => flight.abort(), 5)
  await promise
  return events
}
