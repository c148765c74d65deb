import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'

/** A request of either version of HTTP. */
export type DoorRequest = IncomingMessage | Http2ServerRequest
/** The answer to it. */
export type DoorResponse = ServerResponse | Http2ServerResponse
