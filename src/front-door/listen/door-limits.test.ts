import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2, constants } from 'node:http2'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { sendRaw } from '../../../test/protocol/connection.ts'
import { connectTo, readAll } from '../../../test/support/door/test-door.ts'
import {
  mustShakeHands,
  open,
  requestHttp2,
  requestOn,
  shakeHands,
} from '../../../test/support/door/test-listener.ts'
import { BAD_REQUESTS } from '../../../test/support/requests/bad-requests.ts'

const V1 = 'PROXY TCP4 203.0.113.7 10.0.0.1 56789 443\r\n'

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
      assert.match(text, /\r\n\r\n./, 'it has a body')
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
  assert.equal((await requestOn(first)).remoteAddress, '203.0.113.7')
  assert.deepEqual(await sendRaw(`http://127.0.0.1:${door.port}`, V1), { text: '', isClosed: true })
  const other = await connectTo(door.port)
  other.write(V1.replace('113.7', '113.8'))
  assert.equal((await requestOn(other)).remoteAddress, '203.0.113.8')
  first.destroy()
  other.destroy()
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
    // Nothing is read, so that the server keeps its answers.
    while (!socket.destroyed && sent < 4_000) {
      sent++
      await new Promise<void>((resolve) => socket.write(many, () => resolve()))
    }
    socket.destroy()
    await closed
    assert.ok(sent < 4_000, `${sent * 1_000} frames were taken`)
  })
}

test('the listener ends a connection whose head never ends', async () => {
  await using door = await open({ ports: { handle: () => assert.fail('There was no request') } })
  const socket = await mustShakeHands({ port: door.port, servername: 'a.test', ALPNProtocols: ['h2'] })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.resume()
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))
  // HEADERS with `:method: GET`, then CONTINUATION with a header of 100 bytes, again and again.
  socket.write(Buffer.from([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]))
  const header = Buffer.concat([Buffer.from([0x10, 1, 120, 100]), Buffer.alloc(100, 97)])
  const frame = Buffer.concat([Buffer.from([0, 0, header.length, 9, 0, 0, 0, 0, 1]), header])
  let sent = 0
  while (!socket.destroyed && sent < 20_000) {
    sent++
    await new Promise<void>((resolve) => socket.write(frame, () => resolve()))
  }
  socket.destroy()
  await closed
  assert.ok(sent < 20_000, `${sent} frames were taken`)
})

test('the listener bounds the headers of HTTP/2 as those of HTTP/1.1', async () => {
  await using door = await open()
  const session = connectHttp2(`https://127.0.0.1:${door.port}`, {
    servername: 'a.test',
    rejectUnauthorized: false,
  })
  session.on('error', () => undefined)
  assert.equal((await requestHttp2(session, { x: 'y'.repeat(8_000) })).status, 200)
  const many = Object.fromEntries(Array.from({ length: 1_500 }, (_, index) => [`x-${index}`, 'y']))
  for (const headers of [many, { x: 'y'.repeat(60_000) }]) {
    const result = await Promise.race([
      requestHttp2(session, headers).then(
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

test('the listener forgets connections that go right after the handshake', async () => {
  await using door = await open({ maxPerAddress: 3 })
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (let round = 0; round < 10; round++) {
      const socket = await retry(() => shakeHands({ port: door.port, servername: 'a.test', maxVersion }))
      socket.destroy()
    }
  }
})

/** Retries: the server sees the end of a connection a little later than the client. */
async function retry(connect: () => ReturnType<typeof shakeHands>): Promise<TLSSocket> {
  const deadline = Date.now() + 60_000
  while (Date.now() < deadline) {
    const socket = await connect()
    if (typeof socket !== 'string') return socket
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.fail('The listener still counts connections that are gone')
}
