import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { CallWatch } from './call-watch.ts'

/** Passes connections on to a server on this machine, and cuts one of them at a numbered message. */
interface CuttingProxy extends AsyncDisposable {
  readonly port: number
  /** Sets the watch of connections that are opened from now on; undefined: none. */
  watch(watch: CallWatch | undefined): void
}

/** Starts a proxy to a port. A message is what a client sends at once: with PostgreSQL a query, or the begin of a transaction. */
export async function startCuttingProxy(serverPort: number): Promise<CuttingProxy> {
  let current: CallWatch | undefined
  const sockets = new Set<Socket>()
  const listener = createServer((client) => {
    const server = connect({ host: '127.0.0.1', port: serverPort })
    passOn({ client, server, watch: current })
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    port: (listener.address() as AddressInfo).port,
    watch(watch) {
      current = watch
    },
    async [Symbol.asyncDispose]() {
      listener.close()
      for (const socket of sockets) socket.destroy()
      await once(listener, 'close')
    },
  }
}

function passOn({
  client,
  server,
  watch,
}: {
  client: Socket
  server: Socket
  watch: CallWatch | undefined
}): void {
  let isCutAfterAnswer = false
  const cut = (): void => {
    client.destroy()
    server.destroy()
  }
  for (const socket of [client, server]) {
    socket.setNoDelay(true)
    socket.on('error', cut)
    socket.on('close', cut)
  }
  client.on('data', (message: Buffer) => {
    let part: ReturnType<CallWatch['enter']> = 'whole'
    try {
      part = watch?.enter('query', describe(message)) ?? 'whole'
    } catch {
      // The process has ended, and its connections with it.
      return cut()
    }
    if (part === 'cut') return cut()
    isCutAfterAnswer ||= part === 'cut-after'
    server.write(message)
  })
  server.on('data', (answer: Buffer) => {
    if (isCutAfterAnswer || watch?.hasEnded) cut()
    else client.write(answer)
  })
}

/** The begin of the text that can be read. */
function describe(message: Buffer): string {
  return message
    .toString('latin1')
    .replaceAll(/[^ -~]+/g, ' ')
    .slice(0, 80)
}
