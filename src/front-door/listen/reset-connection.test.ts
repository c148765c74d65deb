import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { open } from '../../../test/support/door/test-listener.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import type { DoorPorts } from './door-ports.ts'

const CONNECTIONS = 8

/** Sends a request over each of some connections and resets them at once, then wakes the thread that waits for it. */
const RESETTING = `
const { workerData: { port, done, connections } } = require('node:worker_threads')
const { connect } = require('node:net')
const request = 'POST /reset HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\n\\r\\n'
let left = connections
for (let index = 0; index < connections; index++) {
  const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(request, () => socket.resetAndDestroy()))
  socket.on('close', () => {
    if (--left > 0) return
    Atomics.store(done, 0, 1)
    Atomics.notify(done, 0)
  })
}`

for (const proxyProtocol of ['none', 'optional'] as const) {
  test(`a connection that was reset before it was accepted never counts as one of a Unix socket (PROXY: ${proxyProtocol})`, async () => {
    const seen: string[] = []
    await using listener = await open({
      isTls: false,
      http2: undefined,
      proxyProtocol,
      ports: portsNoting(seen),
    })
    const { port } = listener
    const done = new Int32Array(new SharedArrayBuffer(4))
    const worker = new Worker(RESETTING, { eval: true, workerData: { port, done, connections: CONNECTIONS } })
    // This thread accepts nothing meanwhile: the connections wait in the system's queue.
    assert.notEqual(Atomics.wait(done, 0, 0, 20_000), 'timed-out')
    await worker.terminate()
    await askLast(connect(port, '127.0.0.1'))
    assert.equal(seen.at(-1), '127.0.0.1')
    assert.ok(!seen.includes('unix:'), seen.join(', '))
  })
}

test('a connection of a Unix socket counts as one', async () => {
  await using folder = await makeTempFolder('unix-socket')
  const path = join(folder.path, 'door.sock')
  const seen: string[] = []
  await using _listener = await open({ isTls: false, http2: undefined, ports: portsNoting(seen) }, { path })
  await askLast(connect(path))
  assert.deepEqual(seen, ['unix:'])
})

/** Answers each request, and notes the addresses of visitors. */
function portsNoting(seen: string[]): Pick<DoorPorts, 'handle'> {
  return {
    handle: (_request, response, { remoteAddress }) => {
      seen.push(remoteAddress)
      ;(response as ServerResponse).end()
    },
  }
}

async function askLast(client: Socket): Promise<void> {
  client.end('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await once(client.resume(), 'close')
}
