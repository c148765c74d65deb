import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import {
  constants,
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { CONNECTION_LIMITS } from '../connection-limits.ts'
import { answerUnreadable, refuseTunnel } from '../listener.ts'
import type { DoorRequest, DoorResponse } from './door-request.ts'
import { sendPage } from './error-pages.ts'
import { continueWhenRead } from './expect-continue.ts'
import { holdStream } from './hold-answer.ts'
import { guardAgainstResets, MAX_RESETS, MAX_STREAMS } from './http2-guard.ts'
import { headBytesOf, refusalOfHead } from './refuse-head.ts'
import { RequestTurns } from './request-turns.ts'
import { uploadWindows } from './upload-windows.ts'

const http = process.getBuiltinModule('node:http')

/** Protocols that nobody behind this door can be asked to change to (RFC 9113 section 3.1, RFC 2817). */
const UNOFFERED_UPGRADES = /^(?:h2c?|tls\/[\d.]+)$/i
/** Frames that make no sense, and settings, of one connection. */
const MAX_INVALID_FRAMES = 100
const MAX_SETTINGS = 32
/** Largest head of HTTP/2 that is read, in bytes: a stream with more is reset, one with more than is allowed gets 431. */
const MAX_PARSED_HEAD_BYTES = 2 * CONNECTION_LIMITS.maxHeaderBytes
/** Largest head of a request that may wait in a crowd, in bytes. */
const MAX_WAITING_HEAD_BYTES = 8 * 1024
/** Memory of one HTTP/2 connection for what is on its way, in megabytes. */
const MAX_SESSION_MB = 10

/** Who answers requests. `Expect: 100-continue` is met when a body is read, not before. */
interface RequestPorts {
  handle(request: DoorRequest, response: DoorResponse): void
  /** Whether a request to speak another protocol is passed on as such; else it is a request like any other. */
  shouldUpgrade(request: IncomingMessage): boolean
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/** A server of HTTP/1.1 for connections given to it by `emit('connection')`, or its own if it is told to listen. */
export function createHttp1(
  ports: RequestPorts,
  { headersTimeoutMs }: { headersTimeoutMs: number },
): HttpServer {
  const turns = new RequestTurns((request, response) => {
    if (!refuseByHead(request, response)) ports.handle(request, response)
  })
  const server = http.createServer({
    maxHeaderSize: CONNECTION_LIMITS.maxHeaderBytes,
    noDelay: true,
    highWaterMark: CONNECTION_LIMITS.socketBufferBytes,
    connectionsCheckingInterval: Math.min(CONNECTION_LIMITS.connectionsCheckMs, headersTimeoutMs),
    requestTimeout: 0,
    optimizeEmptyRequests: true,
    // Node's own answer has no body.
    requireHostHeader: false,
    headersTimeout: headersTimeoutMs,
    keepAliveTimeout: CONNECTION_LIMITS.keepAliveMs,
    // Behind requests that wait for their answers it is one like them: the new protocol would come before these.
    shouldUpgradeCallback: (request) =>
      !isUnoffered(request.headers.upgrade) &&
      !refusalOfHead(request) &&
      turns.isIdle(request.socket) &&
      ports.shouldUpgrade(request),
  })
  server.maxHeadersCount = CONNECTION_LIMITS.maxHeaders
  server.on('request', (request: IncomingMessage, response: ServerResponse) => turns.take(request, response))
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    continueWhenRead(request, response)
    turns.take(request, response)
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', ignore)
    ports.upgrade(request, socket, head)
  })
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    sendPage(response, 417, { connection: 'close' })
    request.resume()
  })
  server.on('connect', (_request: IncomingMessage, socket: Socket) => refuseTunnel(socket))
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    answerUnreadable(error, socket, turns.pending(socket))
  })
  return server
}

/** @returns whether the request was answered: what cannot be understood is no site's. */
function refuseByHead(request: DoorRequest, response: DoorResponse): boolean {
  const refusal = refusalOfHead(request)
  if (!refusal) return false
  sendPage(response, refusal.status, 'stream' in response ? {} : { connection: 'close' })
  request.resume()
  return true
}

function isUnoffered(upgrade: string | undefined): boolean {
  return upgrade === undefined || upgrade.split(',').some((name) => UNOFFERED_UPGRADES.test(name.trim()))
}

/** A server of HTTP/2 for connections given to it by `emit('connection')`. */
export function createHttp2(
  ports: Pick<RequestPorts, 'handle'>,
  onSession: (session: ServerHttp2Session) => void,
): Http2Server {
  const server = createHttp2Server({
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
    uploadWindows.add(session)
    session.setTimeout(CONNECTION_LIMITS.keepAliveMs, () => session.close())
    onSession(session)
  })
  server.on('sessionError', ignore)
  server.on('request', (request, response) => {
    if (!refuseByHead(request, response)) ports.handle(request, response)
  })
  server.on('checkContinue', (request, response) => {
    if (refuseByHead(request, response)) return
    continueWhenRead(request, response)
    ports.handle(request, response)
  })
  beginInTurn(server)
  return server
}

/**
 * Lets a stream that is opened in a crowd wait before there is a request and an answer, which take more memory than the
 * stream itself.
 */
function beginInTurn(server: Http2Server): void {
  // Node's own, which makes them.
  const [begin] = server.listeners('stream')
  server.removeAllListeners('stream')
  server.on('stream', (stream: ServerHttp2Stream, ...given: [IncomingHttpHeaders, number, string[]]) => {
    const [, flags, rawHeaders] = given
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) === 0) uploadWindows.watch(stream)
    let hasBegun = false
    holdStream(stream).admit(() => {
      hasBegun = true
      if (!stream.destroyed) begin?.call(server, stream, ...given)
    })
    // Its client may ask again: nothing was done for it (RFC 9113 section 8.7).
    if (!hasBegun && headBytesOf(rawHeaders) > MAX_WAITING_HEAD_BYTES)
      stream.close(constants.NGHTTP2_REFUSED_STREAM)
  })
}

function ignore(): void {}
