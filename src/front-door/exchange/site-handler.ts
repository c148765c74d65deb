import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { ClientProof } from '../listen/client-proof.ts'
import type { Site } from '../sites/site.ts'

/** A request that was given to a site. */
export interface SiteRequest {
  readonly request: IncomingMessage | Http2ServerRequest
  readonly response: ServerResponse | Http2ServerResponse
  readonly site: Site
  readonly scheme: 'http' | 'https'
  /** The host that was asked for, lower case, without a port. */
  readonly host: string
  /** The host as the client wrote it, with its port if it named one: what an upstream is told. */
  readonly authority: string
  /**
   * The visitor: the peer of the connection, or whom a PROXY header or the `X-Forwarded-For` of a trusted proxy names
   * (its last address that is no trusted proxy). An IPv4 address is never in IPv6 form; `unix:` for a Unix socket.
   */
  readonly remoteAddress: string
  /** The peer of the connection, PROXY header heeded: what is added to `X-Forwarded-For`. */
  readonly peerAddress: string
  readonly remotePort: number
  readonly serverPort: number
  /** The port that visitors use, where it is not the one listened on. */
  readonly visitorPort?: number | undefined
  /** Whether the peer of the connection may say where a request came from. */
  readonly isPeerTrusted: boolean
  /** The visitor's client certificate, if the host requests one; undefined: it does not. */
  readonly client?: ClientProof | undefined
  readonly requestId: string
}

/** Serves the requests of sites. Settled when the answer is on its way or the client gone; never rejected. */
export interface SiteHandler {
  serve(exchange: SiteRequest): Promise<void>
  /** Is told of a request of a site that the front door answers itself, with a redirect to TLS. */
  observe(exchange: SiteRequest): void
  /** Whether a request to speak another protocol can be passed on as such; else it is served like any other. */
  mayUpgrade(exchange: Omit<SiteRequest, 'response'>): boolean
  /** A request to speak another protocol from here on (RFC 9110 section 7.8), such as WebSocket. */
  upgrade(exchange: Omit<SiteRequest, 'response'>, socket: Duplex, head: Buffer): Promise<void>
}
