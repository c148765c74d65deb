import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { test } from 'node:test'
import { HOST, openProxyRoom } from '../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../test/support/door/start-app.ts'

async function requestThrough(
  port: number,
  headers: Record<string, string>,
): Promise<readonly [status: number, body: string]> {
  const request = get({
    host: '127.0.0.1',
    port,
    path: '/',
    agent: false,
    headers: { host: HOST, ...headers },
  })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return [response.statusCode ?? 0, body]
}

for (const headers of [{}, { connection: 'Upgrade', upgrade: 'websocket' }]) {
  test(`a host whose server is the front door itself answers 508 after one round: ${JSON.stringify(headers)}`, async () => {
    let rounds = 0
    const ports: number[] = []
    // The proxy before the front door is a port that is known before it opens.
    const way = createServer((socket) => {
      rounds++
      const back = connect(ports[0] ?? 0, '127.0.0.1')
      socket.pipe(back).pipe(socket)
      socket.on('error', () => back.destroy())
      back.on('error', () => socket.destroy())
    })
    way.listen(0, '127.0.0.1')
    await once(way, 'listening')
    await using room = await openProxyRoom({ ports: [(way.address() as AddressInfo).port] })
    ports.push(room.port)
    assert.equal((await requestThrough(room.port, headers))[0], 508)
    assert.equal(rounds, 1)
    assert.ok(
      room.log.some(({ reason }) => String(reason).includes('leads back here')),
      JSON.stringify(room.log),
    )
    way.close()
  })
}

test('an application sees which servers a request has passed, and what others wrote there stays', async () => {
  await using app = await startApp((request, response) => response.end(request.headers['cdn-loop']))
  await using room = await openProxyRoom({ ports: [app.port] })
  const [, own] = await requestThrough(room.port, {})
  assert.match(own, /^berth-[0-9a-f]{16}$/)
  assert.deepEqual(await requestThrough(room.port, { 'cdn-loop': 'other; v=1' }), [200, `other; v=1, ${own}`])
  assert.equal((await requestThrough(room.port, { 'cdn-loop': own }))[0], 508)
})
