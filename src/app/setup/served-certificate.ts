import { connect } from 'node:tls'
import { isEveryAddress, type ListenAddress, LOOPBACK_ADDRESSES } from '../../config/listen-address.ts'

/** Longest handshake with a listener of this machine, in milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 3_000

/**
 * True if the listener serves a certificate for a host. The chain is not verified: a CA of one's own need not be trusted
 * on this machine, and nothing is sent.
 */
export async function servesCertificate(address: ListenAddress, host: string): Promise<boolean> {
  const to =
    address.path === undefined
      ? { host: isEveryAddress(address.host) ? LOOPBACK_ADDRESSES[0] : address.host, port: address.port }
      : { path: address.path }
  return await new Promise((resolve) => {
    const socket = connect({ ...to, servername: host, rejectUnauthorized: false })
    const end = (is: boolean): void => {
      socket.destroy()
      resolve(is)
    }
    socket.setTimeout(HANDSHAKE_TIMEOUT_MS, () => end(false))
    socket.once('error', () => end(false))
    socket.once('secureConnect', () => {
      const names = socket.getPeerCertificate().subjectaltname?.split(', ') ?? []
      end(names.includes(`DNS:${host}`))
    })
  })
}
