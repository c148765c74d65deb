import type { OutgoingHttpHeaders } from 'node:http'
import type { AddedHeaders } from '../../front-door/visit/visit.ts'
import { OciError } from '../../oci/errors.ts'
import { DESCRIPTORS_RETRY_AFTER_S, isOutOfDescriptors } from '../../stream/descriptors.ts'
import { endTogether, MAX_JOINED_BYTES } from '../../stream/end-together.ts'
import type { UnsentHold } from '../../stream/unsent-bytes.ts'
import { type Exchange, holderOf } from '../request/exchange.ts'

/** Longest wait for a client that reads nothing of an answer, in milliseconds. */
const WRITE_GAP_MS = 60_000
/**
 * Bytes of a refused body that are read and dropped, so that the client gets its answer and the connection can be
 * reused: twice the largest manifest. Beyond it the connection is closed.
 */
const MAX_DISCARDED_BYTES = 8 * 1024 * 1024
/** Longest time for that, in milliseconds. */
const MAX_DISCARD_MS = 10_000

/**
 * Words beside the status of a full disk. Docker reads no body of a status from 500 on, shows these words, and tries for a minute
 * unless it finds the system's own text for ENOSPC in them.
 */
const FULL_WORDS = 'Insufficient Storage: no space left on device'

/**
 * Sends the status and the headers, with those of every answer; browsers must neither run nor sniff any served content.
 * One flat list: Node copies it as it is, while names set one by one are looked up and joined.
 */
export function sendHead({ visit, response }: Exchange, status: number, headers: OutgoingHttpHeaders): void {
  if (visit.addedHeaders) addHeaders(response, visit.addedHeaders(status))
  const list: (string | number | readonly string[])[] = [
    'docker-distribution-api-version',
    'registry/2.0',
    'x-content-type-options',
    'nosniff',
    'x-request-id',
    visit.requestId,
  ]
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) list.push(name, value)
  }
  response.writeHead(status, list as string[])
}

/** Set beside the list, so that a header of this server's own takes the place of one of the same name. */
function addHeaders(response: Exchange['response'], headers: AddedHeaders): void {
  for (const name in headers) response.setHeader(name, headers[name] ?? '')
}

/** Answers without a body. */
export function replyEmpty(exchange: Exchange, status: number, headers: OutgoingHttpHeaders = {}): void {
  const hasLength = status !== 204 && status !== 304
  if (hasLength && headers['content-length'] === undefined) headers['content-length'] = 0
  sendHead(exchange, status, headers)
  exchange.response.end()
}

/** Answers with bytes; to HEAD with their headers alone. Errors: `TOOMANYREQUESTS`. */
export function replyBytes(
  exchange: Exchange,
  body: Uint8Array,
  { status = 200, headers }: { status?: number; headers: OutgoingHttpHeaders },
): void {
  headers['content-length'] = body.length
  // The body of an error is bounded by itself, and its answer must not fail.
  const isHeld = body.length > MAX_JOINED_BYTES && exchange.request.method !== 'HEAD' && status < 400
  if (isHeld) holdUntilSent(exchange, body.length)
  sendHead(exchange, status, headers)
  if (exchange.request.method === 'HEAD') {
    exchange.response.end()
    return
  }
  exchange.sentBytes += body.length
  if (body.length <= MAX_JOINED_BYTES) endTogether(exchange.response, body)
  else exchange.response.end(body)
}

/** Bounds the memory and time that clients can take without reading. Errors: `TOOMANYREQUESTS`. */
function holdUntilSent(exchange: Exchange, bytes: number): void {
  const { request, response } = exchange
  // The connection is gone, and no event would end the hold.
  if (response.destroyed) return
  const hold = exchange.bounds.answerRoom.hold(holderOf(exchange))
  hold.add(bytes)
  const { socket } = request
  const unsent = countUnsent(exchange)
  unsent.add(bytes)
  const onTimeout = (): void => {
    socket.destroy()
  }
  socket.setTimeout(WRITE_GAP_MS, onTimeout)
  response.once('close', () => {
    unsent.close()
    socket.off('timeout', onTimeout)
    // Restores Node's timeout of an idle connection, unless another answer is to come, which may take its time.
    if (socket.timeout === WRITE_GAP_MS) socket.setTimeout(0)
    hold[Symbol.dispose]()
  })
}

/** Counts the answer among all bytes that this process has read and not sent. */
function countUnsent({ request: { socket }, bounds }: Exchange): UnsentHold {
  const end = (): void => {
    socket.destroy()
  }
  return bounds.unsentBytes.open({ connection: socket, endAnswer: end, endConnection: end })
}

/** Answers with JSON. */
export function replyJson(
  exchange: Exchange,
  value: unknown,
  { status = 200, headers = {} }: { status?: number; headers?: OutgoingHttpHeaders } = {},
): void {
  const body = Buffer.from(JSON.stringify(value))
  replyBytes(exchange, body, { status, headers: { 'content-type': 'application/json', ...headers } })
}

/**
 * Answers with an error body of distribution-spec "Error Codes". Any error but an `OciError` is a bug: its text stays
 * in the log, and the client gets the request's id to report.
 */
export function replyError(exchange: Exchange, error: OciError, headers: OutgoingHttpHeaders = {}): void {
  const { response } = exchange
  exchange.errorCode = error.code
  // The head is sent: breaking the connection is the only way left to show that the body is not whole.
  if (response.headersSent) {
    response.destroy()
    return
  }
  discardBody(exchange)
  const { code, message, detail } = error
  // HTTP/2 has no such words.
  if (code === 'STORAGE_FULL' && exchange.request.httpVersionMajor === 1) response.statusMessage = FULL_WORDS
  replyJson(
    exchange,
    { errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] },
    {
      status: error.status,
      headers: {
        'cache-control': 'no-store',
        ...(error.retryAfterS === undefined ? {} : { 'retry-after': String(error.retryAfterS) }),
        ...(error.status === 405 ? allowHeader(detail) : {}),
        ...headers,
      },
    },
  )
}

/** The `OciError` of the answer for a failure. */
export function toOciError(error: unknown, exchange: Exchange): OciError {
  if (error instanceof OciError) return error
  if (isOutOfDescriptors(error)) {
    return new OciError('UNAVAILABLE', {
      message: 'This registry has too many files and connections open: try again in a moment',
      retryAfterS: DESCRIPTORS_RETRY_AFTER_S,
      cause: error,
    })
  }
  return new OciError('UNKNOWN', {
    message: `Something went wrong in this registry: its log has more under the request id ${exchange.visit.requestId}`,
    cause: error,
  })
}

/**
 * Writes bytes to the client and waits until they are on their way, so that the caller may use the buffer again.
 * Rejects when the client is gone or has read nothing for {@link WRITE_GAP_MS}.
 */
export function writeToClient(exchange: Exchange, bytes: Buffer): Promise<void> {
  const { response, unsent } = exchange
  unsent?.add(bytes.length)
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new ClientGone())
    if (response.destroyed) {
      onClose()
      return
    }
    response.once('close', onClose)
    response.write(bytes, (error) => {
      response.off('close', onClose)
      if (error) {
        reject(new ClientGone(error))
        return
      }
      unsent?.taken()
      exchange.sentBytes += bytes.length
      resolve()
    })
  })
}

/**
 * Limits the time for which a client may read nothing while a body is sent, and counts its unread bytes; the system's
 * own clock counts bytes, not calls.
 */
export function guardSending(exchange: Exchange): Disposable {
  const { socket } = exchange.request
  const unsent = countUnsent(exchange)
  exchange.unsent = unsent
  const onTimeout = (): void => {
    socket.destroy()
  }
  socket.setTimeout(WRITE_GAP_MS, onTimeout)
  return {
    [Symbol.dispose]: () => {
      unsent.close()
      socket.setTimeout(0)
      socket.off('timeout', onTimeout)
    },
  }
}

/** The client went away: there is no one to answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'

  constructor(cause?: unknown) {
    super('The client went away', { cause })
  }
}

/** Reads and drops the rest of an unused body, within bounds. */
export function discardBody({ request }: Exchange): void {
  if (request.readableEnded || request.complete || request.destroyed) return
  let discarded = 0
  const stop = (): void => {
    request.socket.destroy()
  }
  const timer = setTimeout(stop, MAX_DISCARD_MS).unref()
  request.on('data', (chunk: Buffer) => {
    discarded += chunk.length
    if (discarded > MAX_DISCARDED_BYTES) stop()
  })
  request.once('close', () => clearTimeout(timer))
  request.once('end', () => clearTimeout(timer))
  request.resume()
}

function allowHeader(detail: unknown): { allow?: string } {
  const isNamed = typeof detail === 'object' && detail !== null && 'allow' in detail
  return isNamed && Array.isArray(detail.allow) ? { allow: detail.allow.join(', ') } : {}
}
