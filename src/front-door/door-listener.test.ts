import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { sendRaw } from '../../test/protocol/connection.ts'
import { BAD_REQUESTS } from '../../test/support/bad-requests.ts'
import { makeTempFolder } from '../../test/support/temp-folder.ts'
import { connectTo, contextOf, readAll } from '../../test/support/test-door.ts'
import type { DoorAddress } from './door-address.ts'
import { openDoorListener } from './door-listener.ts'
import type { ConnectionFacts, DoorOptions, DoorPorts } from './door-ports.ts'
import type { DoorRequest, DoorResponse } from './http-servers.ts'

const MODERN = 'modern.test'
const OLD = 'old.test'
const PLAIN_HTTP1 = 'registry.test'

function policyOf(name: string | undefined) {
  return name === MODERN ? 'Mozilla-Modern' : name === OLD ? 'Mozilla-Old' : 'Mozilla-Intermediate'
}

/** Serves every name below `test` but `unknown.test`; answers with the facts and the body's length. */
function portsWith(changes: Partial<DoorPorts>): DoorPorts {
  return {
    tlsFor: (name) =>
      name?.endsWith('.test') && name !== 'unknown.test'
        ? { policy: policyOf(name), http2: name !== PLAIN_HTTP1 }
        : undefined,
    contextFor: (name) => (name === undefined ? undefined : contextOf(name)),
    challengeFor: (name) => (name === 'asked.test' ? contextOf('asked.test') : undefined),
    isProxyTrusted: () => true,
    isCounted: () => true,
    handle: (request, response, facts) => void tell(request, response, facts),
    shouldUpgrade: () => true,
    upgrade: (_request, { socket }) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
    },
    ...changes,
  }
}

async function tell(request: DoorRequest, anyResponse: DoorResponse, facts: ConnectionFacts): Promise<void> {
  const response = anyResponse as ServerResponse
  let bytes = 0
  try {
    for await (const chunk of request) bytes += chunk.length
  } catch {
    // The client is gone, or sent what cannot be understood.
    return
  }
  const { remoteAddress, remotePort } = request.socket
  response.end(JSON.stringify({ ...facts, bytes, socket: [remoteAddress, remotePort] }))
}

async function open(
  options: Partial<Omit<DoorOptions, 'ports'>> & { ports?: Partial<DoorPorts> } = {},
  address: DoorAddress = { host: '127.0.0.1', port: 0 },
) {
  const { ports = {}, ...rest } = options
  const listener = await openDoorListener(address, {
    isTls: true,
    proxyProtocol: 'none',
    ...rest,
    ports: portsWith(ports),
  })
  return {
    ...listener,
    port: address.path === undefined ? Number(new URL(listener.url).port) : 0,
    [Symbol.asyncDispose]: () => listener.stop(AbortSignal.abort()),
  }
}

/** @returns the socket once the handshake is done; the number of the alert, or `closed`. */
async function shakeHands(options: ConnectionOptions): Promise<TLSSocket | string> {
  const socket = connectTls({ host: '127.0.0.1', rejectUnauthorized: false, ...options })
  try {
    await once(socket, 'secureConnect')
    socket.on('error', () => undefined)
    return socket
  } catch (error) {
    const [, alert] = /alert number (\d+)/.exec(String(error)) ?? []
    return alert ?? 'closed'
  }
}

async function mustShakeHands(options: ConnectionOptions): Promise<TLSSocket> {
  const socket = await shakeHands(options)
  assert.ok(typeof socket !== 'string', String(socket))
  return socket
}

async function askOn(
  socket: Socket,
  head = 'GET / HTTP/1.1\r\nHost: x\r\n',
): Promise<Record<string, unknown>> {
  socket.write(`${head}\r\n`)
  const [bytes] = await once(socket, 'data')
  const [top = '', body = ''] = String(bytes).split('\r\n\r\n')
  assert.match(top, /^HTTP\/1.1 200 /)
  return JSON.parse(body)
}

/** Joins a client and a server by a socket whose bytes the test passes on itself. */
async function relayByteByByte(port: number): Promise<number> {
  const server = createServer((from) => {
    const to = connect({ port, host: '127.0.0.1', noDelay: true })
    from.on('error', () => to.destroy())
    to.on('error', () => from.destroy())
    to.pipe(from)
    from.on('data', async (chunk: Buffer) => {
      from.pause()
      for (const byte of chunk)
        await new Promise<void>((done) => void to.write(Buffer.from([byte]), () => done()))
      from.resume()
    })
    from.on('end', () => to.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return address.port
}

test('the listener takes a hello that comes byte by byte', async () => {
  await using door = await open()
  const port = await relayByteByByte(door.port)
  const socket = await mustShakeHands({ port, servername: 'a.test' })
  const told = await askOn(socket)
  assert.equal(told.serverName, 'a.test')
  socket.destroy()
})

test('the listener cuts a hello that does not come in time, and a handshake that stops', async () => {
  await using door = await open({ handshakeTimeoutMs: 200 })
  const hello = await helloOf(door.port)
  for (const bytes of [Buffer.alloc(0), hello.subarray(0, 100), hello]) {
    const socket = await connectTo(door.port)
    if (bytes.length > 0) socket.write(bytes)
    const start = Date.now()
    await readAll(socket)
    assert.ok(Date.now() - start < 3_000)
    socket.destroy()
  }
})

/** A hello as a client sends it; the client gets no answer. */
async function helloOf(port: number): Promise<Buffer> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object' && port > 0)
  const client = connectTls({ port: address.port, host: '127.0.0.1', servername: 'a.test' })
  client.on('error', () => undefined)
  const [socket] = await once(server, 'connection')
  const [bytes] = await once(socket, 'data')
  client.destroy()
  socket.destroy()
  server.close()
  return bytes
}

test('the listener tells plain HTTP on a TLS port so, and nobody else anything', async () => {
  await using door = await open()
  const { text, isClosed } = await sendRaw(
    `http://127.0.0.1:${door.port}`,
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  )
  assert.match(text, /^HTTP\/1\.1 400 .*This port speaks HTTPS only\.\n$/s)
  assert.ok(isClosed)
  for (const junk of [
    'SSH-2.0-OpenSSH\r\n',
    '\x80\x2e\x01\x00\x02',
    '\0',
    '\x16\x03\x01\x00\x05\x02\0\0\0\0',
  ]) {
    assert.deepEqual(await sendRaw(`http://127.0.0.1:${door.port}`, junk), { text: '', isClosed: true })
  }
})

test('the listener refuses an unknown name with the alert for it, and ends', async () => {
  await using door = await open()
  assert.equal(await shakeHands({ port: door.port, servername: 'unknown.test' }), '112')
  assert.equal(await shakeHands({ port: door.port }), '112')
  const socket = await connectTo(door.port)
  socket.write((await helloOf(door.port)).toString('latin1').replace('a.test', 'a.tesx'), 'latin1')
  assert.deepEqual([...(await readAll(socket))], [0x15, 3, 3, 0, 2, 2, 112])
})

test('the listener offers HTTP/2 where the name has it, else HTTP/1.1, and nothing else', async () => {
  await using door = await open()
  const rows: readonly (readonly [servername: string, offered: string[], chosen: string])[] = [
    ['a.test', ['h2', 'http/1.1'], 'h2'],
    ['a.test', ['http/1.1'], 'http/1.1'],
    [PLAIN_HTTP1, ['h2', 'http/1.1'], 'http/1.1'],
    [PLAIN_HTTP1, ['h2'], '120'],
    ['a.test', ['imap'], '120'],
  ]
  for (const [servername, ALPNProtocols, chosen] of rows) {
    const socket = await shakeHands({ port: door.port, servername, ALPNProtocols })
    assert.equal(typeof socket === 'string' ? socket : socket.alpnProtocol, chosen)
    if (typeof socket !== 'string') socket.destroy()
  }
  const bare = await mustShakeHands({ port: door.port, servername: 'a.test' })
  assert.equal((await askOn(bare)).scheme, 'https')
  bare.destroy()
})

test('the listener keeps to the policy of each name', async () => {
  await using door = await open()
  const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' } as const
  const rows: readonly (readonly [servername: string, options: ConnectionOptions, result: string])[] = [
    [MODERN, {}, 'TLSv1.3'],
    [MODERN, { maxVersion: 'TLSv1.2' }, '70'],
    ['a.test', {}, 'TLSv1.3'],
    ['a.test', { maxVersion: 'TLSv1.2' }, 'TLSv1.2'],
    ['a.test', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-SHA' }, '40'],
    ['a.test', old, '70'],
    [OLD, old, 'TLSv1.1'],
    [OLD, { ...old, maxVersion: 'TLSv1' }, 'TLSv1'],
    [OLD, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-SHA' }, 'TLSv1.2'],
  ]
  for (const [servername, options, result] of rows) {
    const socket = await shakeHands({ port: door.port, servername, ...options })
    assert.equal(typeof socket === 'string' ? socket : socket.getProtocol(), result, servername)
    if (typeof socket !== 'string') socket.destroy()
  }
})

test('the listener shows each name its certificate, and resumes sessions', async () => {
  await using door = await open()
  for (const [servername, maxVersion] of [
    ['a.test', 'TLSv1.2'],
    ['b.test', 'TLSv1.3'],
  ] as const) {
    const first = await mustShakeHands({ port: door.port, servername, maxVersion })
    assert.match(first.getPeerCertificate().subjectaltname ?? '', new RegExp(servername))
    let session = first.getSession()
    if (maxVersion === 'TLSv1.3')
      [session] = await Promise.all([once(first, 'session').then(([it]) => it), askOn(first)])
    first.destroy()
    assert.ok(session)
    const second = await mustShakeHands({ port: door.port, servername, maxVersion, session })
    assert.equal(second.isSessionReused(), true, maxVersion)
    assert.equal((await askOn(second)).serverName, servername)
    second.destroy()
  }
})

test('the listener answers a handshake without a name with the certificate for none', async () => {
  await using door = await open({
    ports: {
      tlsFor: () => ({ policy: 'Mozilla-Modern', http2: false }),
      contextFor: (name) => contextOf(name ?? 'default.test'),
    },
  })
  const socket = await mustShakeHands({ port: door.port })
  assert.match(socket.getPeerCertificate().subjectaltname ?? '', /default\.test/)
  assert.equal((await askOn(socket)).serverName, undefined)
  socket.destroy()
  assert.equal(await shakeHands({ port: door.port, maxVersion: 'TLSv1.2' }), 'closed')
})

test('the listener shows the certificate of a challenge to whoever asks for it, and ends', async () => {
  await using door = await open()
  const ALPNProtocols = ['acme-tls/1']
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await mustShakeHands({
      port: door.port,
      servername: 'asked.test',
      ALPNProtocols,
      maxVersion,
    })
    assert.equal(socket.alpnProtocol, 'acme-tls/1')
    assert.match(socket.getPeerCertificate().subjectaltname ?? '', /asked\.test/)
    assert.equal((await readAll(socket)).length, 0)
    socket.destroy()
  }
  assert.equal(await shakeHands({ port: door.port, servername: 'a.test', ALPNProtocols }), '112')
  const usual = await mustShakeHands({ port: door.port, servername: 'asked.test' })
  assert.equal((await askOn(usual)).scheme, 'https')
  usual.destroy()
})

const V1 = 'PROXY TCP4 203.0.113.7 10.0.0.1 56789 443\r\n'
const V2 = '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x0a\0\0\x01\xdd\xd5\x01\xbb'

for (const [version, header] of [
  ['1', V1],
  ['2', V2],
] as const) {
  test(`the listener believes a PROXY header of version ${version}, below HTTP/1.1, TLS and HTTP/2`, async () => {
    const expected = { remoteAddress: '203.0.113.7', remotePort: 56_789, socket: ['203.0.113.7', 56_789] }
    {
      await using door = await open({ isTls: false, proxyProtocol: 'required' })
      for (const step of [1, 7, 1_000]) {
        const socket = await connectTo(door.port)
        const bytes = Buffer.from(`${header}GET / HTTP/1.1\r\nHost: x\r\n`, 'latin1')
        for (let at = 0; at < bytes.length; at += step) {
          await new Promise((resolve) => socket.write(bytes.subarray(at, at + step), resolve))
        }
        const told = await askOn(socket, '')
        assert.deepEqual({ ...told, ...expected }, told)
        // The next one on the same connection.
        assert.equal((await askOn(socket)).remoteAddress, '203.0.113.7')
        socket.destroy()
      }
    }
    await using door = await open({ proxyProtocol: 'required' })
    const raw = await connectTo(door.port)
    raw.write(header, 'latin1')
    const secure = await mustShakeHands({ socket: raw, servername: 'a.test' })
    const told = await askOn(secure)
    assert.deepEqual({ ...told, ...expected }, told)
    secure.destroy()
    const below = await connectTo(door.port)
    below.write(header, 'latin1')
    const session = connectHttp2('https://a.test', {
      createConnection: () =>
        connectTls({ socket: below, servername: 'a.test', ALPNProtocols: ['h2'], rejectUnauthorized: false }),
    })
    const answer = JSON.parse((await askHttp2(session)).text)
    assert.deepEqual({ ...answer, ...expected }, answer)
    session.destroy()
  })
}

async function askHttp2(session: ClientHttp2Session, headers: Record<string, string> = {}) {
  const stream = session.request({ ':path': '/', ':authority': 'a.test', ...headers })
  stream.end()
  const [response] = await once(stream, 'response')
  let text = ''
  for await (const chunk of stream) text += chunk
  return { status: response[constants.HTTP2_HEADER_STATUS] as number, text }
}

test('the listener takes PROXY headers from trusted addresses only', async () => {
  const ports = { isProxyTrusted: () => false }
  await using plain = await open({ isTls: false, proxyProtocol: 'optional', ports })
  for (const header of [V1, V2]) {
    const { text } = await sendRaw(
      `http://127.0.0.1:${plain.port}`,
      `${header}GET / HTTP/1.1\r\nHost: x\r\n\r\n`,
    )
    assert.match(text, /^HTTP\/1.1 400 /)
  }
  await using secure = await open({ proxyProtocol: 'optional', ports })
  const raw = await connectTo(secure.port)
  raw.write(V1)
  assert.equal(await shakeHands({ socket: raw, servername: 'a.test' }), 'closed')
})

test('the listener does without a PROXY header, unless one is required', async () => {
  await using optional = await open({ isTls: false, proxyProtocol: 'optional' })
  const socket = await connectTo(optional.port)
  assert.equal((await askOn(socket)).remoteAddress, '127.0.0.1')
  socket.destroy()
  await using required = await open({ isTls: false, proxyProtocol: 'required' })
  const url = `http://127.0.0.1:${required.port}`
  assert.deepEqual(await sendRaw(url, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), { text: '', isClosed: true })
  assert.deepEqual(await sendRaw(url, 'PROXY TCP4 x\r\n'), { text: '', isClosed: true })
})

test('the listener listens on a Unix socket, over a stale one too, but not over one in use', async () => {
  await using folder = await makeTempFolder('door')
  const path = join(folder.path, 'door.sock')
  for (let round = 0; round < 2; round++) {
    await using door = await open({ isTls: false, proxyProtocol: 'optional' }, { path })
    assert.equal(door.url, `unix:${path}`)
    const socket = connect({ path })
    const told = await askOn(socket)
    assert.equal(told.remoteAddress, 'unix:')
    socket.destroy()
    const behind = connect({ path })
    behind.write(V1)
    assert.equal((await askOn(behind)).remoteAddress, '203.0.113.7')
    behind.destroy()
    await assert.rejects(open({ isTls: false }, { path }), { code: 'EADDRINUSE' })
  }
  // What a killed process leaves behind.
  await leaveStaleSocket(path)
  await using door = await open({ isTls: false }, { path })
  const socket = connect({ path })
  assert.equal((await askOn(socket)).remoteAddress, 'unix:')
  assert.equal(door.port, 0)
  socket.destroy()
})

async function leaveStaleSocket(path: string): Promise<void> {
  const { execFile } = await import('node:child_process')
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`
  await new Promise((resolve) => execFile(process.execPath, ['-e', script], resolve))
}

test('the listener takes IPv4 and IPv6 at `*`', async () => {
  await using door = await open({ isTls: false }, { host: '*', port: 0 })
  const socket = await connectTo(door.port)
  assert.equal((await askOn(socket)).remoteAddress, '127.0.0.1')
  socket.destroy()
})

for (const [what, [request, status]] of Object.entries(BAD_REQUESTS)) {
  test(`the listener answers ${what} with ${status} and closes, over TLS and behind a proxy`, async () => {
    await using secure = await open()
    const socket = await mustShakeHands({ port: secure.port, servername: 'a.test' })
    socket.write(request, 'latin1')
    const texts = [(await readAll(socket)).toString('latin1')]
    await using behind = await open({ isTls: false, proxyProtocol: 'required' })
    texts.push((await sendRaw(`http://127.0.0.1:${behind.port}`, V1 + request)).text)
    for (const text of texts) {
      assert.match(text, new RegExp(`^HTTP/1.1 ${status} `))
      assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1, text)
    }
  })
}

test('the listener ends connections whose headers come too slowly, TLS or not', async () => {
  for (const isTls of [false, true]) {
    await using door = await open({ isTls, headersTimeoutMs: 200 })
    const socket = isTls
      ? await mustShakeHands({ port: door.port, servername: 'a.test' })
      : await connectTo(door.port)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nA: b')
    assert.match((await readAll(socket)).toString(), /^HTTP\/1.1 408 /)
  }
})

test('the listener takes so many connections in all, and so many of one address', async () => {
  for (const [options, taken] of [
    [{ maxConnections: 5 }, 5],
    [{ maxPerAddress: 3 }, 3],
    [{ maxPerAddress: 3, ports: { isCounted: () => false } }, 8],
    [{ maxPerAddress: 0 }, 8],
  ] as const) {
    for (const isTls of [false, true]) {
      await using door = await open({ ...options, isTls })
      const sockets = await Promise.all(Array.from({ length: 8 }, () => connectTo(door.port)))
      // Refused ones are closed at once; the others wait for us.
      const closed = sockets.map((socket) => once(socket.resume(), 'close'))
      for (let count = taken; count < 8; count++)
        await Promise.race(closed.filter((_, index) => !sockets[index]?.closed))
      assert.equal(sockets.filter((socket) => !socket.closed).length, taken)
      for (const socket of sockets) socket.destroy()
    }
  }
})

test('the listener counts a connection behind a proxy by its visitor', async () => {
  await using door = await open({ isTls: false, proxyProtocol: 'required', maxPerAddress: 1 })
  const first = await connectTo(door.port)
  first.write(V1)
  assert.equal((await askOn(first)).remoteAddress, '203.0.113.7')
  assert.deepEqual(await sendRaw(`http://127.0.0.1:${door.port}`, V1), { text: '', isClosed: true })
  const other = await connectTo(door.port)
  other.write(V1.replace('113.7', '113.8'))
  assert.equal((await askOn(other)).remoteAddress, '203.0.113.8')
  first.destroy()
  other.destroy()
})

test('the listener asks for a body held back when it is read, not when it is refused', async () => {
  const ports: Partial<DoorPorts> = {
    handle: (request, anyResponse, facts) => {
      const response = anyResponse as ServerResponse
      if (request.url !== '/refused') return void tell(request, response, facts)
      response.writeHead(413, { 'content-length': 2 }).end('no')
    },
  }
  await using door = await open({ ports })
  for (const [path, status] of [
    ['/refused', 413],
    ['/taken', 200],
  ] as const) {
    const outgoing = httpsRequest({
      port: door.port,
      host: '127.0.0.1',
      path,
      method: 'PUT',
      servername: 'a.test',
      rejectUnauthorized: false,
      headers: { expect: '100-continue', 'content-length': 4 },
    })
    let isAsked = false
    outgoing.on('continue', () => {
      isAsked = true
      outgoing.end('body')
    })
    outgoing.flushHeaders()
    const [response] = await once(outgoing, 'response')
    assert.deepEqual([response.statusCode, isAsked], [status, status === 200])
    assert.equal(response.headers.connection === 'close', status === 413)
    outgoing.destroy()
  }
  const session = connectHttp2(`https://127.0.0.1:${door.port}`, {
    servername: 'a.test',
    rejectUnauthorized: false,
  })
  for (const [path, status] of [
    ['/refused', 413],
    ['/taken', 200],
  ] as const) {
    const stream = session.request(
      { ':path': path, ':method': 'PUT', expect: '100-continue' },
      { endStream: false },
    )
    let isAsked = false
    stream.on('continue', () => {
      isAsked = true
      stream.end('body')
    })
    const [headers] = await once(stream, 'response')
    assert.deepEqual([headers[':status'], isAsked], [status, status === 200])
    stream.close()
  }
  session.destroy()
})

test('the listener ends an HTTP/2 connection that opens streams to reset them', async () => {
  await using door = await open({ ports: { handle: () => undefined } })
  const session = connectHttp2(`https://127.0.0.1:${door.port}`, {
    servername: 'a.test',
    rejectUnauthorized: false,
  })
  session.on('error', () => undefined)
  await once(session, 'remoteSettings')
  let isClosed = false
  session.once('close', () => {
    isClosed = true
  })
  let opened = 0
  while (!isClosed && opened < 5_000) {
    for (let count = 0; count < 50 && !isClosed && !session.destroyed; count++) {
      const stream = session.request({ ':path': '/' })
      stream.on('error', () => undefined)
      stream.close(constants.NGHTTP2_CANCEL)
      opened++
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(isClosed, `${opened} streams`)
})

const FLOODS: Readonly<Record<string, Buffer>> = {
  // Frame: length, type, flags, stream, content.
  settings: Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]),
  pings: Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
}
for (const [what, frame] of Object.entries(FLOODS)) {
  test(`the listener ends a connection that floods it with ${what} and reads no answer`, async () => {
    await using door = await open()
    const socket = await mustShakeHands({ port: door.port, servername: 'a.test', ALPNProtocols: ['h2'] })
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    // Some are nothing unusual: all are answered.
    for (let count = 0; count < 50; count++) socket.write(frame)
    let received = 0
    while (received < 50 * 9) received += (await once(socket, 'data'))[0].length
    socket.pause()
    const many = Buffer.concat(Array.from({ length: 1_000 }, () => frame))
    let sent = 0
    // Nothing is read, so that what the server answers stays with it.
    while (!socket.destroyed && sent < 4_000) {
      sent++
      await new Promise<void>((resolve) => socket.write(many, () => resolve()))
    }
    socket.destroy()
    await closed
    assert.ok(sent < 4_000, `${sent * 1_000} frames were taken`)
  })
}

test('the listener bounds the headers of HTTP/2 as those of HTTP/1.1', async () => {
  await using door = await open()
  const session = connectHttp2(`https://127.0.0.1:${door.port}`, {
    servername: 'a.test',
    rejectUnauthorized: false,
  })
  session.on('error', () => undefined)
  assert.equal((await askHttp2(session, { x: 'y'.repeat(8_000) })).status, 200)
  const many = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`x-${index}`, 'y']))
  for (const headers of [many, { x: 'y'.repeat(60_000) }]) {
    const result = await Promise.race([
      askHttp2(session, headers).then(
        ({ status }) => status,
        () => 'refused',
      ),
      once(session, 'close').then(() => 'refused'),
    ])
    assert.ok(result === 'refused' || result === 431, String(result))
    if (session.destroyed) break
  }
  session.destroy()
})

test('`stop()` ends idle connections of every kind, and answers what is under way', async () => {
  const gate = Promise.withResolvers<void>()
  const arrived = { count: 0, all: Promise.withResolvers<void>() }
  const ports: Partial<DoorPorts> = {
    handle: async (request, response, facts) => {
      if (request.url === '/slow') {
        if (++arrived.count === 2) arrived.all.resolve()
        await gate.promise
      }
      await tell(request, response, facts)
    },
  }
  await using door = await open({ ports })
  const silent = await connectTo(door.port)
  const fresh = await mustShakeHands({ port: door.port, servername: 'a.test' })
  const idle = await mustShakeHands({ port: door.port, servername: 'a.test' })
  await askOn(idle)
  const idleHttp2 = connectHttp2(`https://127.0.0.1:${door.port}`, {
    servername: 'a.test',
    rejectUnauthorized: false,
  })
  await askHttp2(idleHttp2)
  const busy = await mustShakeHands({ port: door.port, servername: 'a.test' })
  busy.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
  const busyHttp2 = connectHttp2(`https://127.0.0.1:${door.port}`, {
    servername: 'a.test',
    rejectUnauthorized: false,
  })
  const slow = askHttp2(busyHttp2, { ':path': '/slow' })
  await arrived.all.promise
  const ended = [silent, fresh, idle].map((socket) => readAll(socket))
  const goAway = once(busyHttp2, 'goaway')
  const closedHttp2 = once(idleHttp2, 'close')
  const stopped = door.stop(AbortSignal.timeout(10_000))
  for (const text of await Promise.all(ended)) assert.equal(text.length, 0)
  await closedHttp2
  await goAway
  gate.resolve()
  assert.equal((await slow).status, 200)
  assert.match((await readAll(busy)).toString(), /^HTTP\/1.1 200 /)
  await stopped
})

test('`stop()` ends upgraded connections when it may wait no longer', async () => {
  await using door = await open()
  const socket = await mustShakeHands({ port: door.port, servername: 'a.test' })
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
  await once(socket, 'data')
  const deadline = new AbortController()
  const stopped = door.stop(deadline.signal)
  const ended = readAll(socket)
  await assert.rejects(connectTo(door.port), { code: 'ECONNREFUSED' })
  assert.equal(socket.destroyed, false)
  deadline.abort()
  await ended
  await stopped
})
