import type { Http1Request, Http1Response } from './http1-message.ts'
import type { Http2Request, Http2Response } from './http2-message.ts'

/** A request of either version of HTTP. */
export type DoorRequest = Http1Request | Http2Request
/** The answer to it. */
export type DoorResponse = Http1Response | Http2Response
