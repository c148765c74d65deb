import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import type { ClientAuthority, ClientProof } from './client-proof.ts'
import { CONNECTION_LIMITS } from './connection-limits.ts'
import type { DoorRequest, DoorResponse } from './http/door-request.ts'
import type { TlsPolicyName } from './tls-policy.ts'

/**
 * Connections of one address at once, a quarter of all: behind one address may be a whole office, or, with Docker's
 * userland proxy, everybody.
 */
export const MAX_CONNECTIONS_PER_ADDRESS: number = CONNECTION_LIMITS.maxConnections / 4

/** Where a connection comes from and what it was opened for. */
export interface ConnectionFacts {
  readonly scheme: 'http' | 'https'
  /** In its one form ({@link plainAddress}); `unix:` for a Unix socket. What a PROXY header said counts. */
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localPort: number
  /** The name of the handshake, or the address that is the host; undefined without TLS, or without either. */
  readonly serverName: string | undefined
  /** What the client showed of itself; undefined: it was not asked. */
  readonly client?: ClientProof | undefined
}

/** How a name is served over TLS. */
export interface NamePolicy {
  readonly policy: TlsPolicyName
  readonly http2: boolean
  /** Asked for its certificate, the client is judged by these CAs; undefined: it is not asked. */
  readonly clients?: ClientAuthority | undefined
}

/** What a listener asks while it takes connections. All answers come at once: they are asked in each handshake. */
export interface DoorPorts {
  /** How a name is served; undefined: not at all, so that the handshake is refused. */
  tlsFor(serverName: string | undefined): NamePolicy | undefined
  /** The certificate of a name that {@link tlsFor} knows. */
  contextFor(serverName: string | undefined): SecureContext | undefined
  /** The host meant by a handshake that names none, by the address it came to; undefined: none in particular. */
  hostAt(localAddress: string): string | undefined
  /** The certificate for a handshake of RFC 8737. */
  challengeFor(serverName: string): SecureContext | undefined
  /** Where other processes take the same visitors' connections: what their tickets are made of. */
  readonly ticketSecret?: Uint8Array | undefined
  /** Whether connections from an address begin with a PROXY header, or may do so. */
  isProxyTrusted(address: string): boolean
  /** Whether connections from an address count for the bound of each address. */
  isCounted(address: string): boolean
  handle(request: DoorRequest, response: DoorResponse, facts: ConnectionFacts): void
  shouldUpgrade(request: IncomingMessage, facts: ConnectionFacts): boolean
  upgrade(request: IncomingMessage, opened: { socket: Duplex; head: Buffer; facts: ConnectionFacts }): void
  /** Is told what one of the others threw before there was a request; that connection is closed. */
  logFailure(error: unknown): void
}

/** How to listen. */
export interface DoorOptions {
  readonly isTls: boolean
  /** Whether there are addresses that send PROXY headers; if `required`, they must do so on each connection. */
  readonly proxyProtocol: 'none' | 'optional' | 'required'
  readonly ports: DoorPorts
  /** Connections at once; `CONNECTION_LIMITS.maxConnections` if undefined, or what the limit of open files leaves. */
  readonly maxConnections?: number
  /** Connections of one address at once, 0: no limit; {@link MAX_CONNECTIONS_PER_ADDRESS} if undefined. */
  readonly maxPerAddress?: number
  /** Longest time until TLS is set up, in milliseconds; `CONNECTION_LIMITS.handshakeTimeoutMs` if undefined. */
  readonly handshakeTimeoutMs?: number
  /** Longest time to send all headers, in milliseconds; `CONNECTION_LIMITS.headersTimeoutMs` if undefined. */
  readonly headersTimeoutMs?: number
}
