import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import type { ClientAuthority } from '../visit/client-proof.ts'
import type { MakeVisit } from '../visit/make-visit.ts'
import type { Visit } from '../visit/visit.ts'
import { CONNECTION_LIMITS } from './connection-limits.ts'
import type { DoorRequest, DoorResponse } from './http/door-request.ts'
import type { HeadRefusal } from './http/refuse-head.ts'
import type { WordRefusal } from './http/unreadable.ts'
import type { TlsPolicyName } from './tls-policy.ts'

/**
 * Connections of one address at once, a quarter of all: behind one address may be a whole office, or, with Docker's
 * userland proxy, everybody.
 */
export const MAX_CONNECTIONS_PER_ADDRESS: number = CONNECTION_LIMITS.maxConnections / 4

/** How a name is served over TLS. */
export interface NamePolicy {
  readonly policy: TlsPolicyName
  readonly http2: boolean
  /** Asked for its certificate, the client is judged by these CAs; undefined: it is not asked. */
  readonly clients?: ClientAuthority | undefined
  /** The certificate is the same for all names, which need not be names of hosts then. */
  readonly isForAnyName?: boolean
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
  /** Makes the visit of a request. */
  readonly makeVisit: MakeVisit
  handle(request: DoorRequest, response: DoorResponse, visit: Visit): void
  /** Answers a request that must not be served, by its head alone; a connection of HTTP/1 ends after that. */
  refuseHead(response: DoorResponse, refusal: HeadRefusal): void
  /** Words what is answered where there is no request. */
  readonly word: WordRefusal
  shouldUpgrade(request: IncomingMessage, visit: Visit): boolean
  upgrade(request: IncomingMessage, opened: OpenedProtocol): void
  /** Is told what one of the others threw before there was a request; that connection is closed. */
  logFailure(error: unknown): void
}

/** A connection that goes on with another protocol, and the request that asked for it. */
export interface OpenedProtocol {
  readonly socket: Duplex
  /** Bytes that came behind the request. */
  readonly head: Buffer
  readonly visit: Visit
}

/** How to listen. */
export interface DoorOptions {
  readonly isTls: boolean
  /** Whether any name is served by HTTP/2, whose server takes memory. */
  readonly hasHttp2: boolean
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
