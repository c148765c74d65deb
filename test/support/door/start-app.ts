import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An application behind the front door. */
export interface App extends AsyncDisposable {
  readonly server: Server
  readonly port: number
}

/** Starts an application that answers by a handler, on a port of its own on loopback. */
export async function startApp(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<App> {
  const server = createServer(handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    server,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
