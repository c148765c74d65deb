// long: a row or a scene for each rule of forwarding
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import {
  exchange,
  get,
  HOST,
  openProxyRoom,
  rootPath,
  startScriptedUpstream,
} from '../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../test/support/door/start-app.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

function answer(text: string): (socket: Socket) => void {
  return (socket) => socket.write(text, 'latin1')
}

/** Headers that the upstream of a request saw, by name. */
async function seenHeaders(
  lines: readonly string[],
  options: Parameters<typeof openProxyRoom>[0] = {},
): Promise<Record<string, string>> {
  await using upstream = await startScriptedUpstream(answer(OK))
  await using room = await openProxyRoom({ ports: [upstream.port], ...options })
  await exchange(room.port, get('/a?b=c', ...lines))
  const head = upstream.received[0]?.split('\r\n\r\n')[0] ?? ''
  return Object.fromEntries(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
  )
}

test('an application sees how the visitor came', async () => {
  const seen = await seenHeaders(['X-Custom: 1', 'Accept: x'])
  assert.equal(seen.host, HOST)
  assert.equal(seen['x-real-ip'], '127.0.0.1')
  assert.equal(seen['x-forwarded-for'], '127.0.0.1')
  assert.equal(seen['x-forwarded-proto'], 'http')
  assert.equal(seen['x-forwarded-host'], HOST)
  assert.equal(seen['x-forwarded-ssl'], 'off')
  assert.equal(seen['x-original-uri'], '/a?b=c')
  assert.equal(seen['x-custom'], '1')
})

const FORGED: Readonly<Record<string, string>> = {
  'X-Forwarded-For': 'evil',
  'X-Forwarded-Proto': 'evil',
  'X-Forwarded-Host': 'evil',
  'X-Forwarded-Port': 'evil',
  'X-Real-IP': 'evil',
  X_Forwarded_For: 'evil',
  X_Real_IP: 'evil',
  Forwarded: 'for=evil',
  Remote_User: 'evil',
  'X-Original-URL': 'evil',
  'X-Rewrite-URL': 'evil',
  Proxy: 'evil',
}

// Each has a room of its own and waits most of its time, so they go at once.
describe('what a visitor forges', { concurrency: true }, () => {
  for (const [name, value] of Object.entries(FORGED)) {
    test(`an application does not see the "${name}" that a visitor writes`, async () => {
      const seen = await seenHeaders([`${name}: ${value}`])
      assert.ok(!Object.values(seen).some((each) => each.includes('evil')), JSON.stringify(seen))
    })
  }
})

test('an application sees what a trusted proxy says of the visitor', async () => {
  const lines = [
    'X-Forwarded-For: 192.0.2.9',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: outside.example',
  ]
  const seen = await seenHeaders(lines, { trustedProxies: ['127.0.0.0/8'] })
  assert.equal(seen['x-forwarded-for'], '192.0.2.9, 127.0.0.1')
  assert.equal(seen['x-real-ip'], '192.0.2.9')
  assert.equal(seen['x-forwarded-proto'], 'https')
  assert.equal(seen['x-forwarded-host'], 'outside.example')
})

test('headers of the hop, and those that Connection names, are not passed on', async () => {
  const seen = await seenHeaders([
    'Connection: keep-alive, X-Secret',
    'X-Secret: 1',
    'Keep-Alive: 5',
    'TE: gzip',
    'Proxy-Authorization: x',
  ])
  for (const name of ['x-secret', 'keep-alive', 'te', 'proxy-authorization'])
    assert.equal(seen[name], undefined, name)
})

test('proxy_set_header replaces, adds and removes', async () => {
  const vhost =
    'proxy_set_header Host internal.example; proxy_set_header X-New "a $host"; proxy_set_header Accept ""; proxy_set_header X-Real-IP none;'
  const seen = await seenHeaders(['Accept: x'], { vhost })
  assert.equal(seen.host, 'internal.example')
  assert.equal(seen['x-new'], `a ${HOST}`)
  assert.equal(seen.accept, undefined)
  assert.equal(seen['x-real-ip'], 'none')
})

test('answers are passed on without headers of the hop, hidden ones, and with those that are added', async () => {
  const text =
    'HTTP/1.1 201 Created\r\nServer: app\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Hidden: 1\r\nX-Kept: 1\r\nX-Accel-Redirect: /x\r\nContent-Length: 2\r\n\r\nok'
  await using upstream = await startScriptedUpstream(answer(text))
  await using room = await openProxyRoom({
    ports: [upstream.port],
    vhost:
      'proxy_hide_header X-Hidden; add_header X-Added "yes $upstream_http_x_kept"; add_header X-Empty "";',
  })
  const { text: got } = await exchange(room.port, get('/'))
  assert.match(got, /^HTTP\/1\.1 201 /)
  assert.match(got, /^x-kept: 1\r$/im)
  assert.match(got, /^x-added: yes 1\r$/im)
  assert.doesNotMatch(got, /^(?:server|x-hop|x-hidden|x-accel-redirect|x-empty):/im)
  assert.ok(room.log.some(({ msg }) => String(msg).includes('X-Accel-Redirect')))
})

test('add_header without always is not on errors, HSTS is on all answers over TLS', async () => {
  await using app = await startApp((_request, response) => response.writeHead(404).end('no'))
  await using room = await openProxyRoom({
    ports: [app.port],
    vhost: 'add_header A 1; add_header B 2 always;',
    declaration: { hsts: 'max-age=5', httpsMethod: 'redirect' },
  })
  const response = await requestTls(room.tlsPort, '/')
  assert.equal(response.status, 404)
  assert.deepEqual(
    [response.headers.a, response.headers.b, response.headers['strict-transport-security']],
    [undefined, '2', 'max-age=5'],
  )
})

test('Location of the upstream itself becomes ours', async () => {
  await using upstream = await startScriptedUpstream((socket) =>
    socket.write(
      `HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${upstream.port}/next\r\nContent-Length: 0\r\n\r\n`,
    ),
  )
  await using room = await openProxyRoom({ ports: [upstream.port] })
  assert.match((await exchange(room.port, get('/'))).text, /^location: \/next\r$/im)
})

test('a body streams to the application and the answer back, however large', async () => {
  await using app = await startApp((incoming, response) => incoming.pipe(response))
  await using room = await openProxyRoom({ ports: [app.port], vhost: 'client_max_body_size 0;' })
  const total = 48 * 1024 * 1024
  const outgoing = request({ host: '127.0.0.1', port: room.port, method: 'PUT', headers: { host: HOST } })
  const chunk = Buffer.alloc(64 * 1024, 7)
  const sending = (async () => {
    for (let sent = 0; sent < total; sent += chunk.length) {
      if (!outgoing.write(chunk)) await once(outgoing, 'drain')
    }
    outgoing.end()
  })()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  let received = 0
  for await (const part of response) received += (part as Buffer).length
  await sending
  assert.equal(received, total)
})

test('events of the server arrive as they are written', async () => {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>()
  await using app = await startApp((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: 1\n\n')
    resolve(response)
  })
  await using room = await openProxyRoom({ ports: [app.port] })
  const outgoing = request({ host: '127.0.0.1', port: room.port, headers: { host: HOST } })
  outgoing.end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const [first] = (await once(response, 'data')) as [Buffer]
  assert.equal(String(first), 'data: 1\n\n')
  const upstream = await promise
  upstream.write('data: 2\n\n')
  const [second] = (await once(response, 'data')) as [Buffer]
  assert.equal(String(second), 'data: 2\n\n')
  outgoing.destroy()
  await once(upstream, 'close')
})

test('a body larger than client_max_body_size is refused before it is read', async () => {
  await using upstream = await startScriptedUpstream(answer(OK))
  await using room = await openProxyRoom({ ports: [upstream.port], vhost: 'client_max_body_size 1k;' })
  const head = `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 2000\r\nExpect: 100-continue\r\n\r\n`
  const { text } = await exchange(room.port, head)
  assert.match(text, /^HTTP\/1\.1 413 /)
  assert.doesNotMatch(text, /100 Continue/)
  assert.deepEqual(upstream.received, [])
  assert.ok(room.log.some(({ place }) => place === `vhost.d/${HOST}:1`))
})

test('a body without a length is counted', async () => {
  await using upstream = await startScriptedUpstream(() => {})
  await using room = await openProxyRoom({ ports: [upstream.port], vhost: 'client_max_body_size 1k;' })
  const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
  const { text } = await exchange(
    room.port,
    `POST / HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`,
  )
  assert.match(text, /^HTTP\/1\.1 413 /)
})

test('the head of an answer comes before its body: streams of events open at once', async () => {
  await using app = await startApp((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  })
  await using room = await openProxyRoom({ ports: [app.port] })
  const { text } = await exchange(room.port, get('/events'), { quietMs: 300 })
  assert.match(text, /^HTTP\/1\.1 200 [\s\S]*content-type: text\/event-stream\r\n[\s\S]*\r\n\r\n$/)
})

test('100 is sent once the application is reached, and the body follows', async () => {
  await using app = await startApp((incoming, response) =>
    incoming.resume().on('end', () => response.end('taken')),
  )
  await using room = await openProxyRoom({ ports: [app.port] })
  const { text } = await exchange(
    room.port,
    `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc`,
  )
  assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
  assert.match(text, /taken/)
})

const WAITING = 'Expect: 100-continue\r\nConnection: close'

test('100 is sent once to a client that waits for it', async () => {
  await using app = await startApp((incoming, response) =>
    incoming.resume().on('end', () => response.end('taken')),
  )
  await using room = await openProxyRoom({ ports: [app.port] })
  const client = connect(room.port, '127.0.0.1')
  client.write(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 3\r\n${WAITING}\r\n\r\n`)
  let text = ''
  client.on('data', (chunk) => {
    // Once it may, and a little later, so that a second one would come first.
    if (text === '') setTimeout(() => client.write('abc'), 50)
    text += chunk
  })
  await once(client, 'close')
  assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
})

interface Hostile {
  readonly act: (socket: Socket) => void
  readonly vhost?: string
  /** Of the visitor. */
  readonly status: number
  /** Of the operator's log. */
  readonly reason: string
}

const HOSTILE: Readonly<Record<string, Hostile>> = {
  'closes at once': { act: (socket) => socket.destroy(), status: 502, reason: 'no-answer' },
  'speaks no HTTP': { act: answer('SSH-2.0-OpenSSH\r\n'), status: 502, reason: 'bad-answer' },
  'sends 100 headers of 8 KB': {
    act: answer(
      `HTTP/1.1 200 OK\r\n${Array.from({ length: 100 }, (_, i) => `X-${i}: ${'a'.repeat(8_000)}\r\n`).join('')}\r\n`,
    ),
    status: 502,
    reason: 'bad-answer',
  },
  'never answers': { act: () => {}, vhost: 'proxy_read_timeout 1s;', status: 504, reason: 'timeout' },
  'has two lengths': {
    act: answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc'),
    status: 502,
    reason: 'bad-answer',
  },
}

// Each has a room of its own and waits most of its time, so they go at once.
describe('upstreams that answer badly', { concurrency: true }, () => {
  for (const [what, { act, vhost, status, reason }] of Object.entries(HOSTILE)) {
    test(`an upstream that ${what} gives ${status}, and the log says ${reason}`, async () => {
      await using upstream = await startScriptedUpstream(act)
      await using room = await openProxyRoom({ ports: [upstream.port], ...(vhost ? { vhost } : {}) })
      const { text } = await exchange(room.port, get('/'))
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `))
      assert.doesNotMatch(text.split('\r\n\r\n')[1] ?? '', /127\.0\.0\.1|server0|undici/)
      const line = room.log.find(({ msg }) => msg === 'an upstream failed')
      assert.deepEqual([line?.reason, line?.server, line?.host], [reason, 'server0', HOST])
    })
  }
})

const CUT: Readonly<Record<string, string>> = {
  'short of its length': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc',
  'in the middle of chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc',
}

for (const [what, text] of Object.entries(CUT)) {
  test(`an answer that ends ${what} does not look whole to the visitor`, async () => {
    await using upstream = await startScriptedUpstream((socket) => socket.write(text, () => socket.destroy()))
    await using room = await openProxyRoom({ ports: [upstream.port] })
    const got = await exchange(room.port, get('/'))
    assert.match(got.text, /^HTTP\/1\.1 200 /)
    assert.ok(got.ended)
    assert.doesNotMatch(got.text, /\r\n0\r\n\r\n$/)
    assert.ok(room.log.some(({ msg }) => msg === 'an upstream failed'))
  })
}

test('the next server is tried when one cannot be reached, and none gives 502', async () => {
  await using app = await startApp((_request, response) => response.end('second'))
  await using room = await openProxyRoom({ ports: [1, app.port] })
  assert.match((await exchange(room.port, get('/'))).text, /second/)
  await using alone = await openProxyRoom({ ports: [1] })
  const { text } = await exchange(alone.port, get('/'))
  assert.match(text, /^HTTP\/1\.1 502 /)
  assert.equal(alone.log.find(({ msg }) => msg === 'an upstream failed')?.reason, 'unreachable')
})

test('a body is given to the next server where the first was not reached', async () => {
  await using app = await startApp((incoming, response) => incoming.pipe(response))
  await using room = await openProxyRoom({ ports: [1, app.port] })
  const { text } = await exchange(
    room.port,
    `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 5\r\n\r\nhello`,
  )
  assert.match(text, /\r\nhello\r\n/)
})

test('a site without servers answers 503 and says when to come back', async () => {
  await using room = await openProxyRoom({ ports: [] })
  const { text } = await exchange(room.port, get('/'))
  assert.match(text, /^HTTP\/1\.1 503 /)
  assert.match(text, /^retry-after: \d+\r$/im)
})

test('healthy servers go before those that are not', async () => {
  await using sick = await startApp((_request, response) => response.end('sick'))
  await using well = await startApp((_request, response) => response.end('well'))
  const path = rootPath({ ports: [sick.port, well.port] })
  assert.ok(path.target.kind === 'upstream')
  const servers = path.target.upstream.servers.map((server, index) => ({
    ...server,
    health: index === 0 ? ('unhealthy' as const) : ('healthy' as const),
  }))
  await using room = await openProxyRoom({ upstream: { servers } })
  for (let round = 0; round < 4; round++) assert.match((await exchange(room.port, get('/'))).text, /well/)
})

test('a client that goes away ends its request at the application', async () => {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>()
  await using app = await startApp((_request, response) => resolve(response))
  await using room = await openProxyRoom({ ports: [app.port] })
  const outgoing = request({ host: '127.0.0.1', port: room.port, headers: { host: HOST } })
  outgoing.on('error', () => {})
  outgoing.end()
  const response = await promise
  outgoing.destroy()
  await once(response, 'close')
  assert.equal(response.writableFinished, false)
})

test('a client that vanishes in its body ends the request, and the door goes on', async () => {
  const { promise, resolve } = Promise.withResolvers<IncomingMessage>()
  await using app = await startApp((incoming, response) => {
    if (incoming.method === 'GET') response.end('fine')
    else {
      incoming.on('error', () => {})
      incoming.resume()
      resolve(incoming)
    }
  })
  await using room = await openProxyRoom({ ports: [app.port] })
  const outgoing = request({
    host: '127.0.0.1',
    port: room.port,
    method: 'POST',
    headers: { host: HOST, 'content-length': 1000 },
  })
  outgoing.on('error', () => {})
  outgoing.write('abc')
  const incoming = await promise
  const closed = new Promise((resolve) => incoming.once('close', resolve))
  outgoing.destroy()
  await closed
  assert.equal(incoming.complete, false)
  assert.match((await exchange(room.port, get('/'))).text, /fine/)
})

test('a client that stalls in its body gets 408', async () => {
  await using app = await startApp((incoming) => incoming.resume())
  await using room = await openProxyRoom({ ports: [app.port], vhost: 'client_body_timeout 1s;' })
  const { text } = await exchange(
    room.port,
    `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 10\r\n\r\nabc`,
    { quietMs: 2_000 },
  )
  assert.match(text, /^HTTP\/1\.1 408 /)
})

test('HEAD, 204 and 304 have no body', async () => {
  await using app = await startApp((incoming, response) => {
    const status = Number(incoming.url?.slice(1))
    response.writeHead(status, status === 200 ? { 'content-length': 5 } : {}).end()
  })
  await using room = await openProxyRoom({ ports: [app.port] })
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ] as const) {
    const { text } = await exchange(room.port, `${method} /${status} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `))
    assert.match(text, /\r\n\r\n$/)
  }
})

test('HTTP/2 visitors reach HTTP/1.1 applications, with one cookie header and no headers of the connection', async () => {
  await using upstream = await startScriptedUpstream(
    answer(
      'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok',
    ),
  )
  await using room = await openProxyRoom({ ports: [upstream.port], declaration: { httpsMethod: 'redirect' } })
  const { status, headers, body } = await requestTls(room.tlsPort, '/x?y', {
    cookie: ['a=1', 'b=2'],
    te: 'trailers',
  })
  assert.deepEqual([status, body], [200, 'ok'])
  assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
  assert.equal(headers['keep-alive'], undefined)
  const sent = upstream.received[0] ?? ''
  assert.match(sent, /^GET \/x\?y HTTP\/1\.1\r\n/)
  assert.match(sent, /^cookie: a=1; b=2\r$/im)
  assert.match(sent, /^x-forwarded-proto: https\r$/im)
  assert.match(sent, new RegExp(`^host: ${HOST}:\\d+\r$`, 'im'))
})

test('a gRPC application over h2c answers with trailers', async () => {
  const server = createHttp2Server((incoming, response) => {
    incoming.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'application/grpc' })
      response.addTrailers({ 'grpc-status': '0' })
      response.end(`${incoming.headers['content-type']} ${incoming.headers.te}`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await using room = await openProxyRoom({
    ports: [port],
    upstream: { protocol: 'grpc' },
    declaration: { httpsMethod: 'redirect' },
  })
  const answered = await requestTls(room.tlsPort, '/svc/Call', {
    ':method': 'POST',
    'content-type': 'application/grpc',
    te: 'trailers',
    body: 'x',
  })
  assert.deepEqual([answered.status, answered.body], [200, 'application/grpc trailers'])
  assert.equal(answered.trailers['grpc-status'], '0')
  server.close()
})

interface TlsAnswer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly trailers: Record<string, unknown>
  readonly body: string
}

/** Sends a request over HTTP/2. */
async function requestTls(
  port: number,
  path: string,
  headers: Record<string, string | string[]> = {},
): Promise<TlsAnswer> {
  const { body: sent, ...rest } = headers
  const session = connectHttp2(`https://127.0.0.1:${port}`, { servername: HOST, rejectUnauthorized: false })
  try {
    const stream = session.request({ ':path': path, ':authority': `${HOST}:${port}`, ...rest })
    let trailers: Record<string, unknown> = {}
    stream.on('trailers', (given) => {
      trailers = given
    })
    stream.end(sent)
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
    let body = ''
    for await (const chunk of stream) body += String(chunk)
    return { status: Number(head[':status']), headers: head, trailers, body }
  } finally {
    session.close()
  }
}
