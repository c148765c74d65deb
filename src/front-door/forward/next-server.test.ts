import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import {
  exchange,
  get,
  HOST,
  openProxyRoom,
  type ProxyRoomOptions,
  startScriptedUpstream,
} from '../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../test/support/door/start-app.ts'
import { startDeaf } from '../../../test/support/machine/start-deaf.ts'

const SOON = 'proxy_connect_timeout 200ms;'
const UPGRADE = ['Connection: Upgrade', 'Upgrade: tcp']
const SWITCHED = 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nsecond'
const POST = `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 5\r\n\r\nhello`

/** Ways to reach a server, each with a connection of its own kind. */
const WAYS: Readonly<Record<string, { text: string; options?: ProxyRoomOptions }>> = {
  'a request': { text: get('/') },
  'a request with a body': { text: POST },
  'an upgrade': { text: get('/', ...UPGRADE) },
  'a request over h2c': { text: POST, options: { upstream: { protocol: 'h2c' } } },
}

for (const [what, { text, options }] of Object.entries(WAYS)) {
  test(`${what} that waits too long for a connection gets 504, and the log says why`, async () => {
    await using deaf = await startDeaf()
    await using room = await openProxyRoom({ ports: [deaf.port], vhost: SOON, ...options })
    const answer = await exchange(room.port, text)
    assert.match(answer.text, /^HTTP\/1\.1 504 /)
    const line = room.log.find(({ msg }) => msg === 'an upstream failed')
    assert.deepEqual([line?.reason, line?.code, line?.server], ['connect-timeout', 'ETIMEDOUT', 'server0'])
  })
}

test('what waited too long for a connection is given to the next server, whatever it is', async () => {
  await using deaf = await startDeaf()
  await using app = await startApp((_request, response) => response.end('second'))
  app.server.on('upgrade', (_request, socket) => socket.end(SWITCHED))
  for (const text of [get('/'), POST, get('/', ...UPGRADE)]) {
    await using room = await openProxyRoom({ ports: [deaf.port, app.port], vhost: SOON })
    assert.match((await exchange(room.port, text)).text, /second/)
  }
})

test('a body over h2c is given to the next server where the first was not reached', async () => {
  const server = createHttp2Server((request, response) => void request.pipe(response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await using room = await openProxyRoom({ ports: [1, port], upstream: { protocol: 'h2c' } })
  assert.match((await exchange(room.port, POST)).text, /hello/)
  server.close()
})

test('proxy_next_upstream decides whether the next server is tried, for upgrades too', async () => {
  await using app = await startApp((_request, response) => response.end('second'))
  app.server.on('upgrade', (_request, socket) => socket.end(SWITCHED))
  for (const text of [get('/'), get('/', ...UPGRADE)]) {
    await using off = await openProxyRoom({ ports: [1, app.port], vhost: 'proxy_next_upstream off;' })
    assert.match((await exchange(off.port, text)).text, /^HTTP\/1\.1 502 /)
    await using silent = await startScriptedUpstream((socket) => socket.destroy())
    await using on = await openProxyRoom({ ports: [silent.port, app.port] })
    assert.match((await exchange(on.port, text)).text, /second/)
  }
})

test('what an application may have received is not sent again, unless that does no harm', async () => {
  await using silent = await startScriptedUpstream((socket) => socket.destroy())
  await using app = await startApp((_request, response) => response.end('second'))
  await using room = await openProxyRoom({ ports: [silent.port, app.port] })
  const post = `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 0\r\n\r\n`
  assert.match((await exchange(room.port, post)).text, /^HTTP\/1\.1 502 /)
  const upgrade = `POST / HTTP/1.1\r\nHost: ${HOST}\r\n${UPGRADE.join('\r\n')}\r\n\r\n`
  await using other = await openProxyRoom({ ports: [silent.port, app.port] })
  assert.match((await exchange(other.port, upgrade)).text, /^HTTP\/1\.1 502 /)
})

test('an upstream whose certificate is not accepted gives 502, and the log says what is wrong with it', async () => {
  await using plain = await startScriptedUpstream(() => {})
  await using app = await startApp((_request, response) => response.end())
  // Neither speaks TLS: one answers with other bytes, the other is silent.
  for (const [port, status, reason] of [
    [app.port, 502, 'tls'],
    [plain.port, 504, 'connect-timeout'],
  ] as const) {
    for (const lines of [[], UPGRADE]) {
      await using room = await openProxyRoom({ ports: [port], upstream: { protocol: 'https' }, vhost: SOON })
      const { text } = await exchange(room.port, get('/', ...lines))
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `))
      assert.equal(room.log.find(({ msg }) => msg === 'an upstream failed')?.reason, reason)
    }
  }
})

test('a status that proxy_next_upstream names goes to the next server, once there is one', async () => {
  await using sick = await startApp((_request, response) => response.writeHead(503).end('sick'))
  await using app = await startApp((_request, response) => response.end('second'))
  const vhost = 'proxy_next_upstream error http_503;'
  const empty = `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 0\r\n\r\n`
  for (const [text, ports, options, got] of [
    [get('/'), [sick.port, app.port], vhost, /^HTTP\/1\.1 200 [\s\S]*second/],
    [get('/', ...UPGRADE), [sick.port, app.port], vhost, /^HTTP\/1\.1 200 [\s\S]*second/],
    [empty, [sick.port, app.port], vhost, /^HTTP\/1\.1 503 [\s\S]*sick/],
    [get('/'), [sick.port], vhost, /^HTTP\/1\.1 503 [\s\S]*sick/],
    [get('/'), [sick.port, app.port], '', /^HTTP\/1\.1 503 [\s\S]*sick/],
  ] as const) {
    await using room = await openProxyRoom({ ports, vhost: options })
    assert.match((await exchange(room.port, text)).text, got)
  }
})

test('an application that speaks no HTTP/2 gives 502, and the log says so', async () => {
  await using app = await startApp((_request, response) => response.end('no'))
  await using room = await openProxyRoom({ ports: [app.port], upstream: { protocol: 'h2c' } })
  assert.match((await exchange(room.port, get('/'))).text, /^HTTP\/1\.1 502 /)
  assert.deepEqual(
    room.log.map(({ reason, cause }) => [reason, cause]),
    [['bad-answer', 'Protocol error']],
  )
})

test('nothing of an answer over h2c gets into the page that takes its place', async () => {
  const server = createHttp2Server((_request, response) => {
    response.writeHead(404)
    for (let index = 0; index < 50; index++) response.write('theirs'.repeat(100))
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await using app = await startApp((_request, response) => setTimeout(() => response.end('ours'), 50))
  const vhost = `proxy_intercept_errors on; error_page 404 /page; location = /page { proxy_pass http://127.0.0.1:${app.port}; }`
  await using room = await openProxyRoom({ ports: [port], upstream: { protocol: 'h2c' }, vhost })
  const { text } = await exchange(room.port, get('/'))
  assert.match(text, /^HTTP\/1\.1 404 [\s\S]*ours/)
  assert.doesNotMatch(text, /theirs/)
  server.close()
})

for (const how of ['ends', 'cuts'] as const) {
  test(`a connection that an application ${how} as it gets a second request is made anew, where that does no harm`, async () => {
    let connections = 0
    await using app = await startScriptedUpstream((socket, _head, connection) => {
      connections++
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      if (connection === 0)
        socket.on('data', () => (how === 'ends' ? socket.end() : socket.resetAndDestroy()))
    })
    await using room = await openProxyRoom({ ports: [app.port] })
    const empty = `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 0\r\n\r\n`
    for (const text of [get('/'), get('/')]) {
      assert.match((await exchange(room.port, text, { quietMs: 50 })).text, /^HTTP\/1\.1 200 /)
    }
    assert.equal(connections, 2)
    assert.deepEqual(room.log, [])
    await using other = await openProxyRoom({ ports: [app.port] })
    assert.match((await exchange(other.port, empty, { quietMs: 50 })).text, /^HTTP\/1\.1 200 /)
  })
}

test('a connection that ends again and again is made anew once, and what does harm is not sent twice', async () => {
  await using app = await startScriptedUpstream((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    socket.on('data', () => socket.end())
  })
  await using room = await openProxyRoom({ ports: [app.port] })
  const empty = `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 0\r\n\r\n`
  await exchange(room.port, get('/'), { quietMs: 50 })
  assert.match((await exchange(room.port, empty, { quietMs: 50 })).text, /^HTTP\/1\.1 502 /)
  const requests = app.received.join('').split(' HTTP/1.1').length - 1
  assert.equal(requests, 2)
})
