import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { get, HOST, openProxyRoom } from '../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../test/support/door/start-app.ts'
import { until } from '../../../test/support/machine/until.ts'
import type { SiteLogLine } from '../answer/site-access-log.ts'

const KIB = 1024
/** More than systems take for a client that reads nothing. */
const LARGE = 24 * KIB * KIB

interface UnreadRoom extends AsyncDisposable {
  readonly lines: readonly SiteLogLine[]
  /** Requests so many bytes and reads none. */
  request(size: number, how?: { isTls?: boolean; coding?: string }): void
}

async function openUnreadRoom(): Promise<UnreadRoom> {
  await using resources = new AsyncDisposableStack()
  // More than gzip's window, so that it cannot be made smaller.
  const noise = randomBytes(64 * KIB)
  const app = resources.use(
    await startApp((request, response) => {
      const size = Number(request.url?.slice(1))
      response.setHeader('content-type', 'text/html')
      for (let sent = 0; sent < size; sent += noise.length) response.write(noise.subarray(0, size - sent))
      response.end()
    }),
  )
  const lines: SiteLogLine[] = []
  const siteLog = {
    write: (line: SiteLogLine) => void lines.push(line),
    reopen: () => {},
    close: async () => {},
  }
  const vhost = 'send_timeout 1s; gzip on;'
  const room = resources.use(await openProxyRoom({ ports: [app.port], siteLog, vhost }))
  const kept = resources.move()
  const request = (size: number, { isTls = false, coding = 'identity' } = {}): void => {
    const host = '127.0.0.1'
    const socket: Socket = isTls
      ? connectTls({ host, port: room.tlsPort, servername: HOST, rejectUnauthorized: false })
      : connect({ host, port: room.port })
    socket.on('error', () => {}).pause()
    socket.write(get(`/${size}`, 'Connection: close', `Accept-Encoding: ${coding}`))
    kept.defer(() => void socket.destroy())
  }
  return { lines, request, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

test('`send_timeout` lets go of clients that take nothing of an answer, compressed or not', async () => {
  await using room = await openUnreadRoom()
  for (const isTls of [true, false]) {
    for (const coding of ['gzip', 'identity']) room.request(LARGE, { isTls, coding })
  }
  await until(() => room.lines.length >= 4)
  assert.equal(room.lines.length, 4)
  assert.ok(room.lines.every(({ bytes }) => bytes < LARGE))
})

test('`send_timeout` lets go of clients that do not take the last of an answer', async () => {
  await using room = await openUnreadRoom()
  room.request(LARGE)
  await until(() => room.lines.length >= 1)
  assert.equal(room.lines.length, 1)
  const taken = room.lines[0]?.bytes ?? 0
  // The system takes most of these, and of some all but less than makes the sender wait.
  const sizes = Array.from({ length: 32 }, (_, index) => taken + (index - 28) * 2 * KIB)
  for (const size of sizes) room.request(size)
  await until(() => room.lines.length >= 1 + sizes.length)
  assert.equal(room.lines.length, 1 + sizes.length)
})
