import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Site } from './site.ts'

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
  /** The visitor, as a PROXY header or a trusted proxy tells it. */
  readonly remoteAddress: string
  readonly remotePort: number
  readonly serverPort: number
  /** Whether the peer of the connection may say where a request came from. */
  readonly isPeerTrusted: boolean
  readonly requestId: string
}

/** Serves the requests of sites. Settled when the answer is on its way or the client gone; never rejected. */
export interface SiteHandler {
  serve(exchange: SiteRequest): Promise<void>
  /** A request to speak another protocol from here on (RFC 9110 section 7.8), such as WebSocket. */
  upgrade(exchange: Omit<SiteRequest, 'response'>, socket: Duplex, head: Buffer): Promise<void>
}
