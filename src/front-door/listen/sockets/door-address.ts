import cluster from 'node:cluster'
import { existsSync } from 'node:fs'
import { lstat, unlink } from 'node:fs/promises'
import { type AddressInfo, connect, type Server } from 'node:net'
import { dirname } from 'node:path'

/** Most connections that wait in a socket that was passed: as many as systemd lets wait. */
const PASSED_BACKLOG = 4_096

/**
 * Address of a listener: `*` is every address, IPv6 and IPv4; a path is that of a Unix socket. With `fd` the socket
 * listens already, and is taken over; of workers it is a descriptor of their primary.
 */
export type DoorAddress =
  | { readonly host: string; readonly port: number; readonly path?: undefined; readonly fd?: number }
  | { readonly path: string; readonly fd?: number }

/** Makes a server listen. Errors: those of the system. */
export async function listenOn(server: Server, address: DoorAddress): Promise<void> {
  if (address.fd !== undefined) return tryToListen(server, address)
  try {
    await tryToListen(server, address)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (address.path === undefined) {
      const hasNoIpv6 = code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'
      if (address.host !== '*' || !hasNoIpv6) throw error
      await tryToListen(server, { host: '0.0.0.0', port: address.port })
    } else {
      // libuv reports EACCES for both.
      if (code === 'EACCES' && !existsSync(dirname(address.path))) {
        throw Object.assign(new Error(`the folder of ${address.path} is not there`), {
          ...{ code: 'ENOENT', syscall: 'listen', cause: error },
        })
      }
      // For workers their primary does this before the first of them begins: each would remove the socket of the other.
      if (code !== 'EADDRINUSE' || cluster.isWorker) throw error
      await removeLeftSocket(address.path)
      await tryToListen(server, address)
    }
  }
}

/**
 * Removes the socket that a killed process left at a path, so that another can listen there. Anything else stays: a
 * socket with a listener, or one that cannot be tested; a file, a folder, a link. Errors: those of the system;
 * `ENOTSOCK` if it is no socket.
 */
export async function removeLeftSocket(path: string): Promise<void> {
  const entry = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!entry) return
  if (!entry.isSocket())
    throw Object.assign(new Error(`${path} is there and is no socket`), { code: 'ENOTSOCK' })
  if (!(await isAnswered(path))) await unlink(path)
}

/** Address of a server, with the port that the system chose. */
export function formatUrl(server: Server, address: DoorAddress, scheme: 'http' | 'https'): string {
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
    if (address.fd !== undefined) server.listen({ fd: address.fd, backlog: PASSED_BACKLOG }, done)
    else if (address.path !== undefined) server.listen({ path: address.path }, done)
    else server.listen({ host: address.host === '*' ? '::' : address.host, port: address.port }, done)
  })
}

/** True if a Unix socket has a listener, or cannot be tested. */
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
