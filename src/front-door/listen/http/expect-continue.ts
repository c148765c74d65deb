import type { ServerResponse } from 'node:http'
import type { DoorRequest, DoorResponse } from './messages/door-request.ts'

/**
 * Requests the body that the client holds back (`Expect: 100-continue`, RFC 9110 section 10.1.1) once it is read, so
 * that a refusal comes before the body. After a refusal the connection of HTTP/1.1 ends, as the client may or may not
 * send the body then.
 */
export function continueOnceRequested(request: DoorRequest, anyResponse: DoorResponse): void {
  // Both have these methods, but their types cannot be called as one.
  const response = anyResponse as ServerResponse
  const isHttp1 = request.httpVersionMajor === 1
  if (isHttp1) response.setHeader('connection', 'close')
  request.onBodyRequested(() => {
    if (response.headersSent || response.destroyed) return
    if (isHttp1) response.removeHeader('connection')
    response.writeContinue()
  })
}
