import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'

/** Program of a server that listens but accepts no further connection, since its thread sleeps. */
const DEAF = `
const { parentPort } = require('node:worker_threads')
const server = require('node:net').createServer()
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  parentPort.postMessage(server.address().port)
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000))
})`
/** Connections that the system accepts in the server's place: its backlog, and one more. */
const BACKLOG = 2

/** A port that neither accepts nor refuses connections, like that of a machine that is off. */
interface DeafServer extends AsyncDisposable {
  readonly port: number
}

/** Starts one. */
export async function startDeaf(): Promise<DeafServer> {
  const worker = new Worker(DEAF, { eval: true })
  const [port] = (await once(worker, 'message')) as [number]
  const fillers: Socket[] = []
  for (let index = 0; index < BACKLOG; index++) {
    const filler = connect({ host: '127.0.0.1', port })
    filler.on('error', () => {})
    fillers.push(filler)
    await once(filler, 'connect')
  }
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      for (const filler of fillers) filler.destroy()
      await worker.terminate()
    },
  }
}
