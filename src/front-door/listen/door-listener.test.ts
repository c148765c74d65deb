import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { sendRaw } from '../../../test/protocol/connection.ts'
import { connectTo, ensureContext, readAll } from '../../../test/support/door/test-door.ts'
import {
  MODERN,
  mustShakeHands,
  OLD,
  open,
  PLAIN_HTTP1,
  requestOn,
  shakeHands,
} from '../../../test/support/door/test-listener.ts'

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
  const seen = await requestOn(socket)
  assert.equal(seen.serverName, 'a.test')
  socket.destroy()
})

test('the listener cuts a hello that does not come in time, and a handshake that stops', async () => {
  await using door = await open({ handshakeTimeoutMs: 200 })
  await using patient = await open({ handshakeTimeoutMs: 600_000 })
  // That limit cut it: another one leaves such a connection alone.
  const waiting = await connectTo(patient.port)
  const hello = await captureHello(door.port)
  for (const bytes of [Buffer.alloc(0), hello.subarray(0, 100), hello]) {
    const socket = await connectTo(door.port)
    if (bytes.length > 0) socket.write(bytes)
    await readAll(socket)
    socket.destroy()
  }
  assert.equal(waiting.readableEnded || waiting.destroyed, false)
  waiting.destroy()
})

/** A hello as a client sends it; the client gets no answer. */
async function captureHello(port: number): Promise<Buffer> {
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
  socket.write((await captureHello(door.port)).toString('latin1').replace('a.test', 'a.tesx'), 'latin1')
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
  assert.equal((await requestOn(bare)).scheme, 'https')
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
      [session] = await Promise.all([once(first, 'session').then(([it]) => it), requestOn(first)])
    first.destroy()
    assert.ok(session)
    const second = await mustShakeHands({ port: door.port, servername, maxVersion, session })
    assert.equal(second.isSessionReused(), true, maxVersion)
    assert.equal((await requestOn(second)).serverName, servername)
    second.destroy()
  }
})

test('the listener answers a handshake without a name with the certificate for none', async () => {
  await using door = await open({
    ports: {
      tlsFor: () => ({ policy: 'Mozilla-Modern', http2: false }),
      contextFor: (name) => ensureContext(name ?? 'default.test'),
    },
  })
  const socket = await mustShakeHands({ port: door.port })
  assert.match(socket.getPeerCertificate().subjectaltname ?? '', /default\.test/)
  assert.equal((await requestOn(socket)).serverName, undefined)
  socket.destroy()
  assert.equal(await shakeHands({ port: door.port, maxVersion: 'TLSv1.2' }), '70')
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
  assert.equal((await requestOn(usual)).scheme, 'https')
  usual.destroy()
})
