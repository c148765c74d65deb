import { unlink } from 'node:fs/promises'
import { type AddressInfo, connect, type Server } from 'node:net'

/** Where to listen: `*` is every address, IPv6 and IPv4; a path is that of a Unix socket. */
export type DoorAddress =
  | { readonly host: string; readonly port: number; readonly path?: undefined }
  | { readonly path: string }

/** Makes a server listen. Errors: those of the system. */
export async function listenOn(server: Server, address: DoorAddress): Promise<void> {
  try {
    await tryToListen(server, address)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (address.path === undefined) {
      const hasNoIpv6 = code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'
      if (address.host !== '*' || !hasNoIpv6) throw error
      await tryToListen(server, { host: '0.0.0.0', port: address.port })
    } else {
      // A process that was killed leaves its socket behind.
      if (code !== 'EADDRINUSE' || (await isAnswered(address.path))) throw error
      await unlink(address.path)
      await tryToListen(server, address)
    }
  }
}

/** Where a server listens, with the port that the system chose. */
export function urlOf(server: Server, address: DoorAddress, scheme: 'http' | 'https'): string {
  if (address.path !== undefined) return `unix:${address.path}`
  const { port } = server.address() as AddressInfo
  const { host } = address
  if (host === '*' || host === '0.0.0.0' || host === '::') return `${scheme}://localhost:${port}`
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function tryToListen(server: Server, address: DoorAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      server.off('error', reject)
      resolve()
    }
    server.once('error', reject)
    if (address.path !== undefined) server.listen({ path: address.path }, done)
    else server.listen({ host: address.host === '*' ? '::' : address.host, port: address.port }, done)
  })
}

/** Whether somebody listens at a Unix socket; true as well where that cannot be told. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'))
  })
}
