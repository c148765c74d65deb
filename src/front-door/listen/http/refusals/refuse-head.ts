import type { Socket } from 'node:net'
import type { DoorRequest } from '../messages/door-request.ts'

/** Largest head of a request, in bytes: a bearer token with many scopes takes 8 KiB. */
export const MAX_HEAD_BYTES: number = 32 * 1024
/** Bytes that HTTP/2 counts for each field beside name and value (RFC 9113 section 6.5.2). */
const FIELD_BYTES = 32
/** Time and bytes for which a refused client's further data are read and dropped: it reads its answer after that. */
const LINGER_MS = 2_000
const LINGER_BYTES = 1024 * 1024

/** Reason to refuse a request by its head alone, whatever its host. */
export interface HeadRefusal {
  readonly status: 400 | 405 | 417 | 431 | 501 | 505
  /** A sentence for the author of the client. */
  readonly reason: string
}

const TRACE: HeadRefusal = { status: 405, reason: 'TRACE is not answered here' }
const NO_HOST: HeadRefusal = { status: 400, reason: 'the request has no Host header' }
const FRAMED_1_0: HeadRefusal = { status: 400, reason: 'a request of HTTP/1.0 has no Transfer-Encoding' }
const CODED: HeadRefusal = { status: 501, reason: 'no Transfer-Encoding but chunked is understood' }
const ENDLESS: HeadRefusal = {
  status: 400,
  reason: 'the last Transfer-Encoding of a request must be chunked',
}
const LOWER_CASE: HeadRefusal = { status: 400, reason: 'methods are written in capital letters' }
const TOO_LARGE: HeadRefusal = { status: 431, reason: 'the headers of the request are too large' }
const VERSION: HeadRefusal = { status: 505, reason: 'this version of HTTP is not spoken here' }

/** Refusals that Node's parsers do not make. Undefined: the head is fine so far. */
export function judgeHead(request: DoorRequest): HeadRefusal | undefined {
  const { headers, httpVersionMajor, httpVersionMinor } = request
  // Its answer holds the request's own headers, cookies hidden from scripts among them (RFC 9110 section 9.3.8).
  if (request.method === 'TRACE') return TRACE
  if ('stream' in request) return judgeHttp2Head(request)
  // The parser of HTTP/1.1 accepts other versions, too, which would be mistaken for real HTTP/2.
  if (httpVersionMajor !== 1) return VERSION
  const coding = headers['transfer-encoding']
  if (coding !== undefined) {
    // RFC 9112 section 6.1: a proxy before it may have read another end of the body.
    if (httpVersionMinor === 0) return FRAMED_1_0
    if (!/(?:^|,)\s*chunked\s*$/i.test(coding)) return ENDLESS
    if (coding.includes(',')) return CODED
  }
  return headers.host === undefined && httpVersionMinor !== 0 ? NO_HOST : undefined
}

function judgeHttp2Head({ method, rawHeaders }: DoorRequest): HeadRefusal | undefined {
  // Methods are case-sensitive (RFC 9110 section 9.1), and an upstream may hold "get" for GET.
  if (method !== method?.toUpperCase()) return LOWER_CASE
  return countHeadBytes(rawHeaders) > MAX_HEAD_BYTES ? TOO_LARGE : undefined
}

/** Bytes of the head of a request over HTTP/2, but for its path: a long one has an answer of its own, as in nginx. */
export function countHeadBytes(rawHeaders: readonly string[]): number {
  let bytes = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    if (name !== ':path') bytes += name.length + (rawHeaders[index + 1]?.length ?? 0) + FIELD_BYTES
  }
  return bytes
}

/**
 * Sends a last answer and ends a connection that can no longer be parsed. Further bytes of the client are dropped for a
 * while: a connection that is closed with bytes unread is reset, and the client loses the answer.
 */
export function endWithAnswer(socket: Socket, answer: string): void {
  let bytes = 0
  const close = (): void => void socket.destroy()
  const timer = setTimeout(close, LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
  // Those of the parser, which can no longer read the connection.
  socket.removeAllListeners('data')
  socket.removeAllListeners('end')
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > LINGER_BYTES) close()
  })
  socket.once('end', close)
  socket.resume()
  socket.end(answer, 'latin1')
}
