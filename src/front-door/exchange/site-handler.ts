import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import type { DoorRequest, DoorResponse } from '../listen/http/messages/door-request.ts'
import type { Site } from '../sites/site.ts'
import type { ClientProof } from '../visit/client-proof.ts'
import type { Visit } from '../visit/visit.ts'

/** Any request of a union without its headers. */
type WithoutHeaders<R> = R extends unknown
  ? Omit<R, 'headers' | 'headersDistinct' | 'rawHeaders' | 'rawTrailers' | 'trailers' | 'trailersDistinct'>
  : never

/**
 * The request of a visit, for its body, method and connection. Its headers are as the client wrote them, with its own
 * claims about certificates: the type lacks them, so that only {@link SiteVisit.headers} are read.
 */
export type SiteRequest = WithoutHeaders<DoorRequest>

/** A visit whose site was found. The answering side is not in it. */
export interface SiteVisit extends Visit {
  readonly request: SiteRequest
  /**
   * Headers of the request by which it is judged and passed on: with the content of a trusted `Forwarded`, and for a site
   * that requests certificates without the visitor's own claims about one.
   */
  readonly headers: IncomingHttpHeaders
  readonly site: Site
  /** The host that the request names, lower case, without a port. */
  readonly host: string
  /** The host as the client wrote it, with its port if it named one: an upstream gets this one. */
  readonly authority: string
  /** The port that visitors use, if it is not the one listened on. */
  readonly visitorPort?: number | undefined
  /** The client's certificate, for a site that requests one; undefined: none was requested. */
  readonly client?: ClientProof | undefined
}

/** Serves the visits of sites. Settled when the answer is on its way or the client gone; never rejected. */
export interface SiteHandler {
  serve(visit: SiteVisit, response: DoorResponse): Promise<void>
  /** Logs a visit that the front door answers itself, with a redirect to TLS or a refusal. */
  observe(visit: SiteVisit, response: DoorResponse): void
  /** True if a request to speak another protocol can be passed on as such; else it is served like any other. */
  mayUpgrade(visit: SiteVisit): boolean
  /** A request to speak another protocol from here on (RFC 9110 section 7.8), such as WebSocket. */
  upgrade(visit: SiteVisit, socket: Duplex, head: Buffer): Promise<void>
}
