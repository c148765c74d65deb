import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import {
  exchange,
  get,
  HOST,
  openProxyRoom,
  type ProxyRoomOptions,
  startScriptedUpstream,
} from '../../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../../test/support/door/start-app.ts'

test('WebSockets speak both ways, large messages too, and either side may close', async () => {
  await using app = await startApp((_request, response) => response.end())
  const sockets = new WebSocketServer({ server: app.server })
  const closed = new Promise<void>((resolve) => {
    sockets.on('connection', (socket, request) => {
      socket.send(`${request.headers['x-forwarded-for']} ${request.url}`)
      socket.on('message', (data) => socket.send(data as Buffer))
      socket.on('close', () => resolve())
    })
  })
  await using room = await openProxyRoom({ ports: [app.port] })
  const socket = new WebSocket(`ws://127.0.0.1:${room.port}/chat?x`, { headers: { host: HOST } })
  const [greeting] = (await once(socket, 'message')) as [Buffer]
  assert.equal(String(greeting), '127.0.0.1 /chat?x')
  const message = Buffer.alloc(3 * 1024 * 1024, 5)
  socket.send(message)
  const [echoed] = (await once(socket, 'message')) as [Buffer]
  assert.ok(message.equals(echoed))
  socket.close()
  await once(socket, 'close')
  await closed
  sockets.close()
})

const REFUSED_UPGRADES: readonly [options: ProxyRoomOptions, status: number][] = [
  [{ ports: [1] }, 502],
  [{ ports: [] }, 503],
  [{ ports: [1], vhost: 'deny all;' }, 403],
  [{ ports: [1], vhost: 'auth_basic R; auth_basic_user_file /users;' }, 401],
  [{ ports: [1], vhost: 'location / { return 404; }' }, 404],
  [{ ports: [1], vhost: 'auth_request /x;' }, 503],
]

for (const [options, status] of REFUSED_UPGRADES) {
  test(`a WebSocket is refused with ${status} with "${options.vhost ?? ''}" and ${options.ports?.length} servers`, async () => {
    await using room = await openProxyRoom(options)
    const lines = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ]
    const { text, ended } = await exchange(room.port, get('/', ...lines))
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `))
    // Without an upstream it is a request like any other, after which the connection goes on.
    const isOrdinary = status === 404 || options.vhost?.startsWith('auth_request') === true
    assert.equal(ended, !isOrdinary)
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1)
  })
}

test('an application that does not change the protocol answers all the same', async () => {
  await using app = await startApp((_request, response) => response.writeHead(426).end('no'))
  await using room = await openProxyRoom({ ports: [app.port] })
  const { text } = await exchange(room.port, get('/', 'Connection: Upgrade', 'Upgrade: websocket'))
  assert.match(text, /^HTTP\/1\.1 426 /)
  assert.match(text, /no/)
})

const UPGRADE = ['Connection: Upgrade', 'Upgrade: tcp']

test('a request to change the protocol that a vhost file answers is answered as any other', async () => {
  // Port 1 has no listener: any answer but 502 was not passed on.
  const vhost = 'location /moved { return 301 https://other.example/; }'
  await using room = await openProxyRoom({ ports: [1], vhost })
  const moved = await exchange(room.port, get('/moved', ...UPGRADE))
  assert.match(moved.text, /^HTTP\/1\.1 301 [\s\S]*^location: https:\/\/other\.example\/\r$/im)
})

test('what is sent with a request to change the protocol reaches the application before it does', async () => {
  const formatHead = (length: string): string =>
    `POST /exec HTTP/1.1\r\nHost: ${HOST}\r\n${UPGRADE.join('\r\n')}\r\n${length}\r\n\r\n`
  const bodies = [
    `${formatHead('Content-Length: 5')}hello`,
    `${formatHead('Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
  ]
  for (const bytes of bodies) {
    await using app = await startUpgrading()
    await using room = await openProxyRoom({ ports: [1, app.port] })
    const { text } = await exchange(room.port, `${bytes}after`)
    assert.match(text, /^HTTP\/1\.1 101 .*\r\n\r\n\[hello\]after$/s)
  }
  await using room = await openProxyRoom({ ports: [1], vhost: 'client_max_body_size 4;' })
  const { text } = await exchange(room.port, `${formatHead('Content-Length: 5')}hello`)
  assert.match(text, /^HTTP\/1\.1 413 /)
})

/** Reads the body, changes the protocol, sends the body back, and then echoes. */
async function startUpgrading() {
  const app = await startApp(() => {})
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n[${body}]`)
      socket.write(head)
      socket.pipe(socket)
    })
    socket.on('error', () => {})
  })
  return app
}

test('an answer without another protocol that ends too soon does not look whole', async () => {
  await using app = await startScriptedUpstream((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX-Name: caf\xe9\r\n\r\nabc', 'latin1')
    setTimeout(() => socket.destroy(), 20)
  })
  await using room = await openProxyRoom({ ports: [app.port] })
  const { text, ended } = await exchange(room.port, get('/', ...UPGRADE), { quietMs: 2_000 })
  assert.match(text, /^x-name: caf\xe9\r$[\s\S]*abc$/m)
  assert.ok(ended)
})

test('a visitor who goes while such an answer comes ends it', async () => {
  await using app = await startApp((_request, response) => {
    response.write('x')
  })
  const gone = new Promise((resolve) => app.server.on('request', (request) => request.on('close', resolve)))
  await using room = await openProxyRoom({ ports: [app.port] })
  await exchange(room.port, get('/', ...UPGRADE), { quietMs: 100 })
  await gone
})
