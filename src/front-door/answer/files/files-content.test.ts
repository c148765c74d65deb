import assert from 'node:assert/strict'
import { once } from 'node:events'
import { truncate, writeFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import {
  get,
  HOST,
  openProxyRoom,
  type ProxyRoom,
  rootPath,
} from '../../../../test/support/door/proxy-room.ts'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { until } from '../../../../test/support/machine/until.ts'
import type { SiteLogLine } from '../site-access-log.ts'

const KIB = 1024
/** More than the system takes for a client that reads nothing. */
const LARGE = 24 * KIB * KIB

interface FilesRoom extends AsyncDisposable {
  readonly room: ProxyRoom
  readonly folder: string
  /** Of requests that are over. */
  readonly lines: readonly SiteLogLine[]
}

async function openFilesRoom(vhost: string): Promise<FilesRoom> {
  await using resources = new AsyncDisposableStack()
  const temp = resources.use(await makeTempFolder('files'))
  await writeFile(join(temp.path, 'large'), Buffer.alloc(LARGE, 'x'))
  const lines: SiteLogLine[] = []
  const siteLog = {
    write: (line: SiteLogLine) => void lines.push(line),
    reopen: () => {},
    close: async () => {},
  }
  const target = { kind: 'files', root: temp.path } as const
  const paths = [{ ...rootPath({}), target }]
  const room = resources.use(await openProxyRoom({ paths, vhost, siteLog }))
  const kept = resources.move()
  return { room, folder: temp.path, lines, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function untilLogged(lines: readonly SiteLogLine[], count: number): Promise<void> {
  await until(() => lines.length >= count)
  assert.equal(lines.length, count)
}

function openUnread(room: ProxyRoom, isTls: boolean): Socket {
  const host = '127.0.0.1'
  const socket = isTls
    ? connectTls({ host, port: room.tlsPort, servername: HOST, rejectUnauthorized: false })
    : connect({ host, port: room.port })
  return socket.on('error', () => {}).pause()
}

test('`send_timeout` lets go of clients that take nothing of a file, wherever they stop', async () => {
  await using files = await openFilesRoom('send_timeout 1s;')
  const { room, folder, lines } = files
  // At some of these sizes the whole rest is in the last write.
  const sizes = Array.from({ length: 24 }, (_, index) => (index + 1) * 250 * KIB)
  for (const size of sizes) await writeFile(join(folder, `${size}`), Buffer.alloc(size))
  const sockets = [...sizes, 'large'].flatMap((name) =>
    [true, false].map((isTls) => {
      const socket = openUnread(room, isTls)
      socket.write(get(`/${name}`, 'Connection: close'))
      return socket
    }),
  )
  await untilLogged(lines, sockets.length)
  assert.ok(lines.some(({ bytes }) => bytes > 0 && bytes < LARGE))
  for (const socket of sockets) socket.destroy()
})

test('`send_timeout` ends a stream of HTTP/2 whose client takes nothing, and no other of its connection', async () => {
  await using files = await openFilesRoom('send_timeout 1s;')
  const session = connectHttp2(`https://127.0.0.1:${files.room.tlsPort}`, {
    servername: HOST,
    rejectUnauthorized: false,
  })
  const unread = session.request({ ':path': '/large', ':authority': HOST })
  unread.on('error', () => {}).pause()
  await untilLogged(files.lines, 1)
  const other = session.request({ ':path': '/none', ':authority': HOST }).resume()
  const [headers] = (await once(other, 'response')) as [{ ':status': number }]
  assert.equal(headers[':status'], 404)
  session.destroy()
})

test('a client that is slow but reads, and `limit_rate`, are not cut by `send_timeout`', async () => {
  await using files = await openFilesRoom('send_timeout 1s;')
  await using pacedFiles = await openFilesRoom('send_timeout 1s; limit_rate 40k;')
  await writeFile(join(pacedFiles.folder, 'paced'), Buffer.alloc(100 * KIB))
  const slow = openUnread(files.room, false)
  slow.write(get('/large', 'Connection: close'))
  const paced = openUnread(pacedFiles.room, false).resume()
  paced.write(get('/paced', 'Connection: close'))
  let received = 0
  let isOver = false
  slow.once('end', () => {
    isOver = true
  })
  const startedAt = performance.now()
  while (!isOver && performance.now() - startedAt < 3_000) {
    received += (slow.read() as Buffer | null)?.length ?? 0
    await sleep(50)
  }
  const isEnded = once(slow, 'close')
  slow
    .on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    .resume()
  if (!isOver) await isEnded
  await untilLogged(files.lines, 1)
  await untilLogged(pacedFiles.lines, 1)
  assert.ok(received > LARGE)
  const lines = [...files.lines, ...pacedFiles.lines]
  assert.deepEqual(
    lines.map(({ target, bytes }) => [target, bytes]),
    [
      ['/large', LARGE],
      ['/paced', 100 * KIB],
    ],
  )
})

test('after a file the connection waits for its next request as long as ever', async () => {
  await using files = await openFilesRoom('send_timeout 1s;')
  await writeFile(join(files.folder, 'small'), 'small')
  const socket = connect({ host: '127.0.0.1', port: files.room.port })
  for (const pauseMs of [1_500, 0]) {
    socket.write(get('/small'))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.match(String(answer), /^HTTP\/1\.1 200 /)
    await sleep(pauseMs)
  }
  socket.destroy()
})

test('a file that becomes shorter while it is sent breaks the connection: what comes next is not its rest', async () => {
  await using files = await openFilesRoom('limit_rate 200k;')
  const path = join(files.folder, 'shrinks')
  await writeFile(path, Buffer.alloc(800 * KIB))
  const socket = connect({ host: '127.0.0.1', port: files.room.port })
  socket.on('error', () => {})
  socket.write(get('/shrinks') + get('/large'))
  let received = 0
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length
  })
  await once(socket, 'data')
  await truncate(path, 10)
  await once(socket, 'close')
  assert.ok(received < 800 * KIB)
})
