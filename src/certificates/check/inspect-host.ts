import type { X509Certificate } from 'node:crypto'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { CertificateError, reasonOf } from '../x509/certificate-error.ts'
import { CapturedConnection, parseServedChain } from './served-chain.ts'

/** Longest time for one handshake, in ms. */
const TIMEOUT_MS = 10_000
/** Lets this client offer ciphers that are too old for its defaults. */
const OLD_CIPHERS = 'ALL:@SECLEVEL=0'
/** Longest chain that is followed. */
const MAX_CHAIN_LENGTH = 10

/** Address of a live host. */
export interface HostAddress {
  readonly host: string
  readonly port: number
  /** Address to connect to in place of the name's. */
  readonly connectTo?: string | undefined
}

/** TLS facts of a live host. */
interface ServedFacts {
  /** As sent; if the host speaks TLS 1.3 only, in the order of their signatures. */
  readonly certificates: readonly X509Certificate[]
  readonly isOrderKnown: boolean
  /** Protocol of a current client, such as `TLSv1.3` and `TLS_AES_128_GCM_SHA256`. */
  readonly protocol: string
  readonly cipher: string
  /** Versions below 1.2 that are still offered. */
  readonly oldProtocols: readonly string[]
}

/**
 * Fetches a live host's certificate, as a client that sends its name and trusts no root. Several connections, one after
 * the other. Errors: `CERTIFICATE_HOST_UNREACHABLE`.
 */
export async function inspectHost(address: HostAddress): Promise<ServedFacts> {
  const current = await handshake(address, {})
  if (current instanceof Error) throw unreachable(address, current)
  const plain = await handshake(address, { maxVersion: 'TLSv1.2' })
  const sent = plain instanceof Error ? undefined : parseServedChain(plain.captured)
  const oldProtocols: string[] = []
  for (const version of ['TLSv1', 'TLSv1.1'] as const) {
    const old = await handshake(address, { minVersion: version, maxVersion: version, ciphers: OLD_CIPHERS })
    if (!(old instanceof Error)) oldProtocols.push(version === 'TLSv1' ? 'TLSv1.0' : version)
  }
  const { protocol, cipher } = current
  return {
    certificates: sent ?? current.chain,
    isOrderKnown: sent !== undefined,
    protocol,
    cipher,
    oldProtocols,
  }
}

interface Handshake {
  readonly chain: readonly X509Certificate[]
  readonly protocol: string
  readonly cipher: string
  readonly captured: Buffer
}

async function handshake(
  { host, port, connectTo }: HostAddress,
  options: Pick<ConnectionOptions, 'minVersion' | 'maxVersion' | 'ciphers'>,
): Promise<Handshake | Error> {
  const socket = connectTcp({ host: connectTo ?? host, port })
  const connection = new CapturedConnection(socket)
  const secure = connect({
    ...options,
    socket: connection,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // Not verified: the certificate is only read.
    rejectUnauthorized: false,
    // No roots, so that nothing is added to the host's own chain.
    ca: [],
  })
  try {
    await secured(secure, socket)
    return {
      chain: chainOf(secure),
      protocol: secure.getProtocol() ?? 'unknown',
      cipher: secure.getCipher().standardName ?? secure.getCipher().name,
      captured: connection.captured,
    }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    secure.destroy()
    socket.destroy()
  }
}

function secured(secure: TLSSocket, socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error('there was no answer within 10 s')), TIMEOUT_MS)
  secure.once('secureConnect', resolve)
  secure.on('error', reject)
  socket.on('error', reject)
  socket.once('close', () => reject(new Error('the connection was closed during the handshake')))
  return promise.finally(() => clearTimeout(timer))
}

function chainOf(secure: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  for (
    let next = secure.getPeerX509Certificate();
    next &&
    chain.length < MAX_CHAIN_LENGTH &&
    !chain.some((known) => known.fingerprint256 === next?.fingerprint256);
    next = next.issuerCertificate
  )
    chain.push(next)
  return chain
}

function unreachable({ host, port }: HostAddress, error: Error): CertificateError {
  const reason = reasonOf(error)
  const isRefused = /unrecognized.name|handshake.failure|alert/i.test(error.message)
  return new CertificateError(
    'CERTIFICATE_HOST_UNREACHABLE',
    `${host}:${port} does not answer with TLS (${isRefused ? 'the server refuses the name' : reason})`,
    isRefused
      ? 'The server has no certificate for this name: see "berth cert list" there'
      : reason === 'ENOTFOUND'
        ? 'The name has no address in the DNS: check its spelling and its A and AAAA records, or give an address with --connect'
        : 'Check the name, the port and the firewall; "berth doctor" looks at them on the server',
    error,
  )
}
