import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

/** A server of a test that stands for a program of others: an application behind the front door, or a remote service. */
export interface App extends AsyncDisposable {
  readonly server: Server
  readonly port: number
  /** Scheme, address and port. */
  readonly url: string
}

/** The certificate and key of a server. */
export interface AppPair {
  readonly cert: string | Buffer
  readonly key: string | Buffer
}

/** Starts an application that answers by a handler, on a port of its own on loopback; over TLS if it has a pair. */
export async function startApp(handle: RequestListener, pair?: AppPair): Promise<App> {
  const server = pair ? createTlsServer({ cert: pair.cert, key: pair.key }, handle) : createServer(handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    server,
    port,
    url: `${pair ? 'https' : 'http'}://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
