import assert from 'node:assert/strict'
import { once } from 'node:events'
import { ClientRequest, IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import {
  get,
  HOST,
  openProxyRoom,
  type ProxyRoom,
  type ProxyRoomOptions,
} from '../../../../test/support/door/proxy-room.ts'
import type { SiteLogLine } from '../../answer/site-access-log.ts'

const MIB = 1024 * 1024
/** More than systems take for two connections that are not read. */
const MAX_TAKEN = 100 * MIB
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'

interface Pair {
  readonly client: Socket
  readonly upstream: Socket
}

interface Pairs extends AsyncDisposable {
  readonly room: ProxyRoom
  readonly lines: readonly SiteLogLine[]
  open(): Promise<Pair>
}

/** Opens conversations through a front door; the test holds both ends. */
async function openPairs(options: ProxyRoomOptions = {}): Promise<Pairs> {
  await using resources = new AsyncDisposableStack()
  const upstreams: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.pause().write(SWITCHING)
      upstreams.push(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  resources.defer(() => void server.close())
  const { port } = server.address() as AddressInfo
  const lines: SiteLogLine[] = []
  const siteLog = {
    write: (line: SiteLogLine) => void lines.push(line),
    reopen: () => {},
    close: async () => {},
  }
  const room = resources.use(await openProxyRoom({ ports: [port], siteLog, ...options }))
  const open = async (): Promise<Pair> => {
    const client = connect({ host: '127.0.0.1', port: room.port, allowHalfOpen: true })
    client.on('error', () => {})
    client.write(get('/', 'Connection: Upgrade', 'Upgrade: x'))
    const [head] = (await once(client, 'data')) as [Buffer]
    assert.match(String(head), /^HTTP\/1\.1 101 /)
    client.removeAllListeners('data').pause()
    return { client, upstream: upstreams.pop() ?? assert.fail('the upstream was not asked') }
  }
  const kept = resources.move()
  return { room, lines, open, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

for (const direction of ['client', 'upstream'] as const) {
  test(`what nobody reads waits where it is sent, by the ${direction}, and all of it arrives`, async () => {
    await using pairs = await openPairs()
    const pair = await pairs.open()
    const [from, to] = direction === 'client' ? [pair.client, pair.upstream] : [pair.upstream, pair.client]
    const chunk = Buffer.alloc(MIB)
    let written = 0
    let isTaken = true
    while (isTaken && written < MAX_TAKEN) {
      written += MIB
      isTaken =
        from.write(chunk) || (await Promise.race([once(from, 'drain'), sleep(500, undefined)])) !== undefined
    }
    assert.ok(!isTaken, `${written / MIB} MiB were taken`)
    from.end()
    let received = 0
    for await (const bytes of to) received += (bytes as Buffer).length
    assert.equal(received, written)
    pair.client.destroy()
    pair.upstream.destroy()
  })
}

test('either side may end first; the other goes on until it ends, too', async () => {
  await using pairs = await openPairs()
  const { client, upstream } = await pairs.open()
  client.end('last')
  const [said] = (await once(upstream.resume(), 'data')) as [Buffer]
  assert.equal(String(said), 'last')
  await once(upstream, 'end')
  upstream.write('still here')
  const [heard] = (await once(client.resume(), 'data')) as [Buffer]
  assert.equal(String(heard), 'still here')
  upstream.end()
  await once(client, 'close')
  while (pairs.lines.length === 0) await sleep(5)
  assert.deepEqual([pairs.lines[0]?.status, pairs.lines[0]?.bytes], [101, 10])
})

test('a side that breaks ends the other', async () => {
  await using pairs = await openPairs()
  const first = await pairs.open()
  first.upstream.resetAndDestroy()
  await once(first.client.resume(), 'end')
  first.client.end()
  const second = await pairs.open()
  second.client.resetAndDestroy()
  await once(second.upstream.resume(), 'end')
  second.upstream.end()
  while (pairs.lines.length < 2) await sleep(5)
})

test('a client that stays after the upstream has gone is cut', async () => {
  await using pairs = await openPairs()
  const { client, upstream } = await pairs.open()
  upstream.destroy()
  await once(client.resume(), 'end')
  const deadline = performance.now() + 60_000
  while (pairs.lines.length === 0 && performance.now() < deadline) await sleep(20)
  assert.equal(pairs.lines.length, 1)
})

test('a conversation in which nobody speaks ends after `proxy_read_timeout`, not one in which one side does', async () => {
  await using pairs = await openPairs({ vhost: 'proxy_read_timeout 1s;' })
  const spoken = await pairs.open()
  const silent = await pairs.open()
  spoken.upstream.resume()
  for (let count = 0; count < 8; count += 1) {
    spoken.client.write('x')
    await sleep(250)
  }
  assert.equal(pairs.lines.length, 1)
  while (pairs.lines.length < 2) await sleep(5)
  assert.ok((pairs.lines[1]?.ms ?? 0) > 2_500)
  for (const { client, upstream } of [spoken, silent]) {
    client.destroy()
    upstream.destroy()
  }
})

const TYPES = [IncomingMessage, ClientRequest]

/** Objects that are not garbage. */
function countObjects(type: (typeof TYPES)[number]): number {
  return Number(queryObjects(type, { format: 'count' }))
}

test('of the request for a conversation nothing is kept while it lasts', async () => {
  await using pairs = await openPairs({
    vhost: 'limit_conn c 100;',
    http: 'limit_conn_zone $host zone=c:1m;',
  })
  const before = TYPES.map(countObjects)
  const opened: Pair[] = []
  for (let count = 0; count < 20; count += 1) opened.push(await pairs.open())
  await sleep(50)
  const after = TYPES.map(countObjects)
  // The latest may still be on the stack of something.
  for (const [index, count] of after.entries())
    assert.ok(count - (before[index] ?? 0) <= 4, `${before} ${after}`)
  for (const { client, upstream } of opened) {
    client.destroy()
    upstream.destroy()
  }
  while (pairs.lines.length < opened.length) await sleep(5)
  assert.deepEqual([...new Set(pairs.lines.map(({ host, status }) => `${host} ${status}`))], [`${HOST} 101`])
})
