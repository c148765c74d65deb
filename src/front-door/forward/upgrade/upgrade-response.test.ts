import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import {
  exchange,
  get,
  HOST,
  openProxyRoom,
  type ProxyRoomOptions,
  startScriptedUpstream,
} from '../../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../../test/support/door/start-app.ts'
import { startDeaf } from '../../../../test/support/machine/start-deaf.ts'

const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket']

/** Answers to a visitor with an upgrade, and to one without. */
const ORDINARY: readonly [what: string, options: ProxyRoomOptions, expected: RegExp][] = [
  [
    'a refusal',
    { ports: [1], vhost: 'deny all; add_header A 1 always; add_header B 2;' },
    /^HTTP\/1\.1 403 [\s\S]*^a: 1\r$/im,
  ],
  ['a dead server', { ports: [1], vhost: 'add_header A 1 always;' }, /^HTTP\/1\.1 502 [\s\S]*^a: 1\r$/im],
  [
    'no server',
    { ports: [], vhost: 'add_header A $host always;' },
    /^HTTP\/1\.1 503 [\s\S]*^a: app\.example\r$/im,
  ],
  [
    'a page of its own',
    {
      ports: [1],
      vhost: 'error_page 502 /sorry; location = /sorry { default_type text/plain; return 200 sorry; }',
    },
    /^HTTP\/1\.1 502 [\s\S]*\r\n\r\n(?:5\r\n)?sorry/,
  ],
  [
    'a page somewhere else',
    { ports: [1], vhost: 'error_page 502 =307 https://status.example/; add_header A 1;' },
    /^HTTP\/1\.1 307 [\s\S]*^location: https:\/\/status\.example\/\r$/im,
  ],
  [
    'a password that is wanted',
    { ports: [1], vhost: 'auth_basic R; auth_basic_user_file /users; add_header A 1 always;' },
    /^HTTP\/1\.1 401 [\s\S]*^www-authenticate: Basic realm="R"\r$/im,
  ],
  [
    'a guess too many',
    {
      ports: [1],
      vhost: 'auth_basic R; auth_basic_user_file /users;',
      passwords: { check: async () => ({ kind: 'busy', retryAfterS: 77 }) },
    },
    /^HTTP\/1\.1 503 [\s\S]*^retry-after: 77\r$/im,
  ],
]

/** Without parts that differ by nature: the time, the id of the request, and the end of the connection. */
function comparable(text: string): string {
  return text.replace(/^(?:date|x-request-id|connection|keep-alive): .*\r\n/gim, '')
}

for (const [what, options, expected] of ORDINARY) {
  test(`a request for another protocol is answered as any other: ${what}`, async () => {
    await using room = await openProxyRoom(options)
    const login = `Authorization: Basic ${Buffer.from('a:b').toString('base64')}`
    const lines = options.passwords ? [login] : []
    const refused = await exchange(room.port, get('/', ...UPGRADE, ...lines))
    assert.match(refused.text, expected)
    assert.match(refused.text, /^connection: close\r$/im)
    assert.ok(refused.ended)
    const ordinary = await exchange(room.port, get('/', ...lines))
    assert.equal(comparable(refused.text), comparable(ordinary.text))
  })
}

test('what an application answers in place of another protocol goes the way of any answer', async () => {
  await using app = await startApp((_request, response) => {
    const location = `http://127.0.0.1:${app.port}/next`
    response.writeHead(302, { location, server: 'secret', 'x-accel-redirect': '/secret' }).end('moved')
  })
  await using room = await openProxyRoom({ ports: [app.port], vhost: 'add_header A 1;' })
  const { text } = await exchange(room.port, get('/', ...UPGRADE))
  assert.match(text, /^HTTP\/1\.1 302 [\s\S]*^location: \/next\r$[\s\S]*^a: 1\r$[\s\S]*moved/im)
  assert.doesNotMatch(text, /secret/)
  const page = 'proxy_intercept_errors on; error_page 302 /own; location = /own { return 200 own; }'
  await using own = await openProxyRoom({ ports: [app.port], vhost: page })
  assert.match((await exchange(own.port, get('/', ...UPGRADE))).text, /^HTTP\/1\.1 302 [\s\S]*own$/)
})

test('the head that changes the protocol hides and adds as any head', async () => {
  await using app = await startApp(() => {})
  const head =
    'HTTP/1.1 101 Switching Protocols\r\nServer: secret\r\nUpgrade: tcp\r\nConnection: upgrade, x-hop\r\nX-Hop: secret\r\nX-Kept: 1\r\n\r\nhello'
  app.server.on('upgrade', (_request, socket) => socket.end(head))
  await using room = await openProxyRoom({
    ports: [app.port],
    vhost: 'add_header A $host always; add_header B 2;',
  })
  const { text } = await exchange(room.port, get('/', ...UPGRADE))
  assert.match(text, /^HTTP\/1\.1 101 [\s\S]*^upgrade: tcp\r$[\s\S]*^x-kept: 1\r$[\s\S]*\r\n\r\nhello$/im)
  assert.match(text, /^a: app\.example\r$/im)
  assert.doesNotMatch(text, /secret|^b:/im)
})

test('an answer that changes to a protocol without a name is not passed on', async () => {
  await using app = await startScriptedUpstream((socket) => socket.end('HTTP/1.1 101 X\r\n\r\nhello'))
  await using room = await openProxyRoom({ ports: [app.port] })
  const { text } = await exchange(room.port, get('/', ...UPGRADE))
  assert.match(text, /^HTTP\/1\.1 502 /)
  assert.deepEqual(
    room.log.map(({ reason }) => reason),
    ['bad-answer'],
  )
})

test('limit_conn holds while an answer in place of another protocol flows', async () => {
  await using app = await startApp((_request, response) => void response.write('x'))
  const http = 'limit_conn_zone $binary_remote_addr zone=one:1m;'
  await using room = await openProxyRoom({ ports: [app.port], http, vhost: 'limit_conn one 1;' })
  const first = connect(room.port, '127.0.0.1')
  first.write(get('/', ...UPGRADE))
  await once(first, 'data')
  assert.match((await exchange(room.port, get('/', ...UPGRADE))).text, /^HTTP\/1\.1 503 /)
  first.destroy()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.match((await exchange(room.port, get('/', ...UPGRADE))).text, /^HTTP\/1\.1 200 /)
})

test('a client that neither reads on nor goes is cut after the answer', async () => {
  await using room = await openProxyRoom({ ports: [1] })
  const client = connect({ host: '127.0.0.1', port: room.port, allowHalfOpen: true })
  client.on('error', () => {}).resume()
  client.write(get('/', ...UPGRADE))
  await once(client, 'end')
  // Its further bytes are dropped, and at last it is gone.
  const timer = setInterval(() => client.write('x'), 50)
  await new Promise((resolve) => client.once('close', resolve))
  clearInterval(timer)
})

const BODY = `POST / HTTP/1.1\r\nHost: ${HOST}\r\n${UPGRADE.join('\r\n')}\r\n`

test('a body that comes before another protocol is refused as any other', async () => {
  await using app = await startScriptedUpstream(() => {})
  for (const [vhost, head, status] of [
    ['deny all;', 'Content-Length: 100\r\n\r\nabc', 403],
    ['client_max_body_size 4;', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', 413],
    ['client_body_timeout 100ms;', 'Content-Length: 100\r\n\r\nabc', 408],
  ] as const) {
    await using room = await openProxyRoom({ ports: [app.port], vhost: `${vhost} add_header A 1 always;` })
    const { text, ended } = await exchange(room.port, BODY + head)
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*^a: 1\\r$`, 'im'))
    assert.ok(ended)
    assert.ok(!room.log.some(({ msg }) => msg === 'an upstream failed'))
    assert.equal(
      room.log.some(({ place }) => place === `vhost.d/${HOST}:1`),
      status === 413,
    )
  }
})

test('a visitor who leaves after such a body, before an answer, ends it at the application', async () => {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<Socket>()
  await using app = await startScriptedUpstream((socket) => arrive(socket))
  await using room = await openProxyRoom({ ports: [app.port] })
  const visitor = connect(room.port, '127.0.0.1')
  visitor.write(`${BODY}Content-Length: 5\r\n\r\nhel`)
  const socket = await arrived
  visitor.write('lo')
  while (!app.received[0]?.endsWith('hello')) await new Promise((resolve) => setTimeout(resolve, 5))
  visitor.destroy()
  await once(socket.resume(), 'close')
})

const LEAVING: Readonly<Record<string, (socket: Socket) => void>> = {
  'cuts the connection': (socket) => socket.resetAndDestroy(),
  'closes it': (socket) => socket.destroy(),
  'ends its side': (socket) => socket.end(),
}

for (const [how, leave] of Object.entries(LEAVING)) {
  test(`a visitor who ${how} before an upgrade was answered ends it at the application`, async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<Socket>()
    await using app = await startScriptedUpstream((socket) => arrive(socket))
    await using other = await startApp((_request, response) => response.end())
    await using room = await openProxyRoom({ ports: [app.port, other.port] })
    let isOtherAsked = false
    other.server.on('connection', () => {
      isOtherAsked = true
    })
    const visitor = connect(room.port, '127.0.0.1')
    visitor.on('error', () => {}).write(get('/', ...UPGRADE))
    const socket = await arrived
    leave(visitor)
    await once(socket.resume(), 'close')
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(isOtherAsked, false)
    assert.deepEqual(room.log, [])
  })
}

test('a visitor who leaves while a server is connected to is given up at once', async () => {
  await using deaf = await startDeaf()
  const { promise, resolve } = Promise.withResolvers<number>()
  const siteLog = {
    write: ({ status }: { status: number }) => resolve(status),
    reopen: () => {},
    close: async () => {},
  }
  await using room = await openProxyRoom({ ports: [deaf.port], siteLog })
  const visitor = connect(room.port, '127.0.0.1')
  visitor.write(get('/', ...UPGRADE))
  await once(visitor, 'connect')
  setTimeout(() => visitor.destroy(), 50)
  assert.equal(await promise, 499)
})

test('what a visitor sends before the protocol has changed reaches the application after it, to a bound', async () => {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<Socket>()
  await using app = await startScriptedUpstream((socket) => arrive(socket))
  await using room = await openProxyRoom({ ports: [app.port] })
  const visitor = connect(room.port, '127.0.0.1')
  visitor.write(`${get('/', ...UPGRADE)}one`)
  const socket = await arrived
  visitor.write('two')
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.doesNotMatch(app.received.join(''), /one|two/)
  // More than the sockets' own buffers take, which grow to some 10 MiB on a fast machine.
  const rest = 'x'.repeat(32 * 1024 * 1024)
  visitor.write(rest)
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.ok(visitor.writableLength > 0)
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  while (visitor.writableLength > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  visitor.end()
  await once(socket, 'end')
  assert.ok((app.received[0] ?? '').endsWith(`\r\n\r\nonetwo${rest}`))
  assert.match(app.received[0] ?? '', new RegExp(`^host: ${HOST}\r$`, 'm'))
})
