import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { test } from 'node:test'
import { connectTo, readAll } from '../../test/support/door/test-door.ts'
import {
  echoVisit,
  mustShakeHands,
  open,
  requestHttp2,
  requestOn,
} from '../../test/support/door/test-listener.ts'
import type { DoorPorts } from './listen/door-ports.ts'

test('the listener asks for a body held back when it is read, not when it is refused', async () => {
  const ports: Partial<DoorPorts> = {
    handle: (request, anyResponse, visit) => {
      const response = anyResponse as ServerResponse
      if (request.url !== '/refused') return void echoVisit(request, anyResponse, visit)
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

test('`stop()` ends idle connections of every kind, and answers what is under way', async () => {
  const gate = Promise.withResolvers<void>()
  const arrived = { count: 0, all: Promise.withResolvers<void>() }
  const ports: Partial<DoorPorts> = {
    handle: async (request, response, visit) => {
      if (request.url === '/slow') {
        if (++arrived.count === 2) arrived.all.resolve()
        await gate.promise
      }
      await echoVisit(request, response, visit)
    },
  }
  await using door = await open({ ports })
  const silent = await connectTo(door.port)
  const fresh = await mustShakeHands({ port: door.port, servername: 'a.test' })
  const idle = await mustShakeHands({ port: door.port, servername: 'a.test' })
  await requestOn(idle)
  const idleHttp2 = connectHttp2(`https://127.0.0.1:${door.port}`, {
    servername: 'a.test',
    rejectUnauthorized: false,
  })
  await requestHttp2(idleHttp2)
  const busy = await mustShakeHands({ port: door.port, servername: 'a.test' })
  busy.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
  const busyHttp2 = connectHttp2(`https://127.0.0.1:${door.port}`, {
    servername: 'a.test',
    rejectUnauthorized: false,
  })
  const slow = requestHttp2(busyHttp2, { ':path': '/slow' })
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
