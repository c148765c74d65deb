import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'

/**
 * Ends an incomplete answer in a way that the client sees: the connection of HTTP/1.1 is cut, the stream of HTTP/2 ends
 * with INTERNAL_ERROR (RFC 9113 section 7). Without an error the stream would end with NO_ERROR, which clients take for
 * the end of a body of unknown length.
 */
export function breakOff(response: ServerResponse | Http2ServerResponse): void {
  if ('stream' in response) response.stream.destroy(new Error('The answer is not whole'))
  else response.destroy()
}
