import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** CAs whose clients a host lets in: compared by identity, since other files make another one. */
export interface ClientAuthority {
  /** Names of its files, for people. */
  readonly file: string
  /** Certificates of the CAs, and lists of what these took back, PEM. */
  readonly authorities: readonly string[]
  readonly revocations: readonly string[]
}

/** What a connection showed of its client, once, in the handshake. */
export interface ClientProof {
  /** By whom it was judged. */
  readonly authority: ClientAuthority
  /** Undefined: the visitor sent none. */
  readonly certificate: X509Certificate | undefined
  /** What is wrong with it, by OpenSSL's name; undefined: nothing. */
  readonly error: string | undefined
}

/** Takes down what the handshake showed. */
export function readClientProof(socket: TLSSocket, authority: ClientAuthority): ClientProof {
  const certificate = socket.getPeerX509Certificate()
  // A resumed session has no proof of its own, and the library would take it for good.
  if (socket.isSessionReused()) return { authority, certificate, error: 'SESSION_RESUMED' }
  const { authorized, authorizationError } = socket
  return {
    authority,
    certificate,
    error: authorized ? undefined : String(authorizationError ?? 'UNSPECIFIED'),
  }
}
