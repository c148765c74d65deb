import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** CAs whose clients a host lets in: compared by identity, since other files make another one. */
export interface ClientAuthority {
  /** Names of its files, for people. */
  readonly file: string
  /** Certificates of the CAs, and their revocation lists, PEM. */
  readonly authorities: readonly string[]
  readonly revocations: readonly string[]
}

/** Client certificate of a connection, from its handshake. */
export interface ClientProof {
  /** CAs that it was checked against. */
  readonly authority: ClientAuthority
  /** Undefined: the visitor sent none. */
  readonly certificate: X509Certificate | undefined
  /** OpenSSL's name of its fault; undefined: none. */
  readonly error: string | undefined
}

/** Reads the client certificate of a handshake. */
export function readClientProof(socket: TLSSocket, authority: ClientAuthority): ClientProof {
  const certificate = socket.getPeerX509Certificate()
  // A resumed session has no certificate of its own, and the library would count it as valid.
  if (socket.isSessionReused()) return { authority, certificate, error: 'SESSION_RESUMED' }
  const { authorized, authorizationError } = socket
  return {
    authority,
    certificate,
    error: authorized ? undefined : String(authorizationError ?? 'UNSPECIFIED'),
  }
}
