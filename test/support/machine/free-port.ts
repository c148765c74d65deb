import { once } from 'node:events'
import { connect, createServer } from 'node:net'

const LOOPBACK = '127.0.0.1'

/** A TCP port of an address that was free a moment ago. */
export async function findFreePort(host: string = LOOPBACK): Promise<number> {
  const server = createServer()
  server.listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

/** True if a server listens on this port; rejects otherwise. */
export async function isListening(port: number, host: string = LOOPBACK): Promise<boolean> {
  const socket = connect(port, host)
  try {
    await once(socket, 'connect')
    return true
  } finally {
    socket.destroy()
  }
}
