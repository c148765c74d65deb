import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import type { ClientAuthority } from '../visit/client-proof.ts'
import type { MakeVisit } from '../visit/make-visit.ts'
import type { Visit } from '../visit/visit.ts'
import type { Http2Bounds } from './http/http2-server.ts'
import { CONNECTION_LIMITS } from './http/limits/connection-limits.ts'
import type { DoorRequest, DoorResponse } from './http/messages/door-request.ts'
import type { Http1Request } from './http/messages/http1-message.ts'
import type { HeadRefusal } from './http/refusals/refuse-head.ts'
import type { WordRefusal } from './http/refusals/unreadable.ts'
import type { TlsPolicyName } from './tls/tls-policy.ts'

/**
 * Connections of one address at once, a quarter of all: behind one address may be a whole office, or, with Docker's
 * userland proxy, all visitors.
 */
export const MAX_CONNECTIONS_PER_ADDRESS: number = CONNECTION_LIMITS.maxConnections / 4

/** TLS settings of a name. */
export interface NamePolicy {
  readonly policy: TlsPolicyName
  readonly http2: boolean
  /** CAs for client certificates; undefined: none are requested. */
  readonly clients?: ClientAuthority | undefined
  /** True if the certificate is the same for all names, which need not be names of hosts then. */
  readonly isForAnyName?: boolean
}

/** Lookups of a listener while it accepts connections. All are synchronous: they are called in each handshake. */
export interface DoorPorts {
  /** Settings of a name; undefined: the handshake is refused. */
  tlsFor(serverName: string | undefined): NamePolicy | undefined
  /** The certificate of a name that {@link tlsFor} knows. */
  contextFor(serverName: string | undefined): SecureContext | undefined
  /** The host of a handshake without a name, by the address it came to; undefined: none in particular. */
  hostAt(localAddress: string): string | undefined
  /** The certificate for a handshake of RFC 8737. */
  challengeFor(serverName: string): SecureContext | undefined
  /** Secret of the session tickets, the same in all processes that serve the same visitors. */
  readonly ticketSecret?: Uint8Array | undefined
  /** True if connections from an address begin with a PROXY header, or may do so. */
  isProxyTrusted(address: string): boolean
  /** True if connections from an address count for the bound of each address. */
  isCounted(address: string): boolean
  /** Makes the visit of a request. */
  readonly makeVisit: MakeVisit
  handle(request: DoorRequest, response: DoorResponse, visit: Visit): void
  /** Answers a request that must not be served, by its head alone; a connection of HTTP/1 ends after that. */
  refuseHead(response: DoorResponse, refusal: HeadRefusal): void
  /** Text of a refusal without a request. */
  readonly word: WordRefusal
  shouldUpgrade(request: Http1Request, visit: Visit): boolean
  upgrade(request: Http1Request, opened: OpenedProtocol): void
  /** Called with errors of the others before there was a request; that connection is closed. */
  logFailure(error: unknown): void
}

/** A connection that goes on with another protocol, and the request that changed it. */
export interface OpenedProtocol {
  readonly socket: Duplex
  /** Bytes after the request. */
  readonly head: Buffer
  readonly visit: Visit
}

/** Options of a listener. */
export interface DoorOptions {
  readonly isTls: boolean
  /** For HTTP/2; undefined: no name is served by it. Its server takes memory. */
  readonly http2: Http2Bounds | undefined
  /** Addresses with PROXY headers: none, or optional or required on each connection. */
  readonly proxyProtocol: 'none' | 'optional' | 'required'
  readonly ports: DoorPorts
  /** Connections at once; `CONNECTION_LIMITS.maxConnections` if undefined, or fewer by the limit of open files. */
  readonly maxConnections?: number
  /** Connections of one address at once, 0: no limit; {@link MAX_CONNECTIONS_PER_ADDRESS} if undefined. */
  readonly maxPerAddress?: number
  /** Longest time until TLS is set up, in milliseconds; `CONNECTION_LIMITS.handshakeTimeoutMs` if undefined. */
  readonly handshakeTimeoutMs?: number
  /** Longest time to send all headers, in milliseconds; `CONNECTION_LIMITS.headersTimeoutMs` if undefined. */
  readonly headersTimeoutMs?: number
}
