import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'

/**
 * Requests the body that the client holds back (`Expect: 100-continue`, RFC 9110 section 10.1.1) at the moment of its
 * first read, so that a refusal comes before the body. After a refusal the connection of HTTP/1.1 ends, as the client
 * may or may not send the body then.
 */
export function continueWhenRead(
  request: IncomingMessage | Http2ServerRequest,
  anyResponse: ServerResponse | Http2ServerResponse,
): void {
  // Both have these methods, but their types cannot be called as one.
  const response = anyResponse as ServerResponse
  const isHttp1 = request.httpVersionMajor === 1
  const read = request._read
  if (isHttp1) response.setHeader('connection', 'close')
  const continueNow = (): void => {
    request._read = read
    heldBack.delete(request)
    if (response.headersSent || response.destroyed) return
    if (isHttp1) response.removeHeader('connection')
    response.writeContinue()
  }
  heldBack.set(request, continueNow)
  request._read = function continueAndRead(this: typeof request, size: number) {
    continueNow()
    read.call(request as IncomingMessage & Http2ServerRequest, size)
  }
}

/** Requests whose body is still held back. */
const heldBack = new WeakMap<object, () => void>()

/** Requests a body that is held back, unless it was requested already; it may have come without. */
export function requestBody(request: IncomingMessage | Http2ServerRequest): void {
  heldBack.get(request)?.()
}
