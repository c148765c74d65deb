import {
  constants,
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { continueOnceRequested } from './expect-continue.ts'
import type { AnswerHolds } from './limits/answer-holds.ts'
import { CONNECTION_LIMITS } from './limits/connection-limits.ts'
import { guardAgainstResets, MAX_RESETS, MAX_STREAMS } from './limits/http2-guard.ts'
import type { UploadWindows } from './limits/upload-windows.ts'
import { Http2Request, Http2Response } from './messages/http2-message.ts'
import { countHeadBytes, judgeHead } from './refusals/refuse-head.ts'
import type { RequestPorts } from './request-ports.ts'

/** Most invalid frames, and settings, of one connection. */
const MAX_INVALID_FRAMES = 100
const MAX_SETTINGS = 32
/** Largest head of HTTP/2 that is read, in bytes: a stream with more is reset, one above the allowed size gets 431. */
const MAX_PARSED_HEAD_BYTES = 2 * CONNECTION_LIMITS.maxHeaderBytes
/** Largest head of a request that may wait in a crowd, in bytes. */
const MAX_WAITING_HEAD_BYTES = 8 * 1024
/** Memory of one HTTP/2 connection for data on its way, in megabytes. */
const MAX_SESSION_MB = 10

/** Memory that all connections of HTTP/2 share. */
export interface Http2Bounds {
  readonly holds: AnswerHolds
  readonly windows: UploadWindows
}

/** A server of HTTP/2 for connections given to it by `emit('connection')`. */
export function createHttp2(
  ports: Pick<RequestPorts, 'handle' | 'refuseHead'>,
  bounds: Http2Bounds,
  onSession: (session: ServerHttp2Session) => void,
): Http2Server {
  const server = createHttp2Server({
    Http2ServerRequest: Http2Request,
    Http2ServerResponse: Http2Response,
    // No extended CONNECT (RFC 8441): browsers then open WebSockets over HTTP/1.1, as they did before.
    settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: MAX_PARSED_HEAD_BYTES },
    maxHeaderListPairs: CONNECTION_LIMITS.maxHeaders,
    maxSendHeaderBlockLength: 4 * CONNECTION_LIMITS.maxHeaderBytes,
    maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    maxSessionRejectedStreams: MAX_INVALID_FRAMES,
    maxSessionMemory: MAX_SESSION_MB,
    maxSettings: MAX_SETTINGS,
    streamResetBurst: 2 * MAX_RESETS,
    streamResetRate: MAX_RESETS,
  })
  server.on('session', (session) => {
    guardAgainstResets(session)
    bounds.windows.add(session)
    session.setTimeout(CONNECTION_LIMITS.keepAliveMs, () => session.close())
    onSession(session)
  })
  server.on('sessionError', ignore)
  const isRefused = (request: Http2Request, response: Http2Response): boolean => {
    const refusal = judgeHead(request)
    if (!refusal) return false
    ports.refuseHead(response, refusal)
    request.resume()
    return true
  }
  server.on('request', (request, response) => {
    if (!isRefused(request, response)) ports.handle(request, response)
  })
  server.on('checkContinue', (request, response) => {
    if (isRefused(request, response)) return
    continueOnceRequested(request, response)
    ports.handle(request, response)
  })
  beginInTurn(server, bounds)
  return server
}

/**
 * Lets a stream that is opened in a crowd wait before there is a request and an answer, which take more memory than the
 * stream itself.
 */
function beginInTurn(server: Http2Server, { holds, windows }: Http2Bounds): void {
  // NOTE: Node's own, which makes them: it has no setting that lets a stream wait (ADR 13).
  const [begin] = server.listeners('stream')
  server.removeAllListeners('stream')
  server.on('stream', (stream: ServerHttp2Stream, ...given: [IncomingHttpHeaders, number, string[]]) => {
    const [, flags, rawHeaders] = given
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) === 0) windows.watch(stream)
    let hasBegun = false
    holds.holdStream(stream).admit(() => {
      hasBegun = true
      if (!stream.destroyed) begin?.call(server, stream, ...given)
    })
    // Its client may repeat it: nothing was done for it (RFC 9113 section 8.7).
    if (!hasBegun && countHeadBytes(rawHeaders) > MAX_WAITING_HEAD_BYTES)
      stream.close(constants.NGHTTP2_REFUSED_STREAM)
  })
}

function ignore(): void {}
