import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { CONNECTION_LIMITS } from './connection-limits.ts'
import { type DoorAddress, listenOn, urlOf } from './door-address.ts'
import { continueWhenRead } from './http/expect-continue.ts'
import { endWithAnswer, type HeadRefusal, MAX_HEAD_BYTES, refusalOfHead } from './http/refuse-head.ts'
import { hasDoubles } from './http/request-target.ts'
import { RequestTurns } from './http/request-turns.ts'
import { boundConnections, connectionLimit } from './open-file-limit.ts'
import { ticketKeysOf } from './ticket-keys.ts'
import { tlsOptionsOf } from './tls-policy.ts'

const http = process.getBuiltinModule('node:http')

/** A certificate chain and its key, PEM. */
export interface TlsPair {
  readonly cert: Buffer
  readonly key: Buffer
}

/** Where and how to listen. */
interface ListenOptions {
  readonly address: DoorAddress
  readonly tls: TlsPair | undefined
  readonly handle: RequestListener
  /** Where other processes take the same visitors' connections: what their tickets are made of. */
  readonly ticketSecret?: Uint8Array | undefined
  /** Longest time to send all headers, in milliseconds; 20 s if undefined. */
  readonly headersTimeoutMs?: number
}

/** A socket that accepts connections. */
export interface Listener {
  /** Such as `https://127.0.0.1:5000`. */
  readonly url: string
  /** Accepts no more connections, ends idle ones, and waits for requests under way until `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>
}

/** A {@link Listener} with one certificate for all names. */
interface PairListener extends Listener {
  /** Serves another certificate from the next handshake on. Errors: plain HTTP has none; those of OpenSSL. */
  setTls(pair: TlsPair): void
}

/** Starts to listen. Errors: those of the system (`EADDRINUSE`, `EACCES`), and of OpenSSL for a pair that does not fit. */
export async function listen(options: ListenOptions): Promise<PairListener> {
  const turns = new RequestTurns(refusingHeads(options.handle))
  const server = createServer({ ...options, handle: (request, response) => turns.take(request, response) })
  server.requestTimeout = 0
  server.headersTimeout = options.headersTimeoutMs ?? CONNECTION_LIMITS.headersTimeoutMs
  server.keepAliveTimeout = CONNECTION_LIMITS.keepAliveMs
  server.maxHeadersCount = CONNECTION_LIMITS.maxHeaders
  boundConnections(server, connectionLimit(CONNECTION_LIMITS.maxConnections))
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    continueWhenRead(request, response)
    turns.take(request, response)
  })
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    refuse(request, response, UNMET)
  })
  server.on('connect', (_request: IncomingMessage, socket: Socket) => refuseTunnel(socket))
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    answerUnreadable(error, socket, turns.pending(socket))
  })
  await listenOn(server, options.address)
  return {
    url: urlOf(server, options.address, options.tls ? 'https' : 'http'),
    setTls(pair) {
      if (!(server instanceof HttpsServer)) throw new TypeError('A listener of plain HTTP has no certificate')
      server.setSecureContext({ ...pair, ...pairOptions(options) })
    },
    stop: (signal) => stop(server, signal),
  }
}

function createServer({
  tls,
  handle,
  ticketSecret,
  headersTimeoutMs = CONNECTION_LIMITS.headersTimeoutMs,
}: ListenOptions): Server {
  const common = {
    maxHeaderSize: CONNECTION_LIMITS.maxHeaderBytes,
    noDelay: true,
    highWaterMark: CONNECTION_LIMITS.socketBufferBytes,
    connectionsCheckingInterval: Math.min(CONNECTION_LIMITS.connectionsCheckMs, headersTimeoutMs),
    // Most requests have no body; one in twenty of their cost was a stream that says so.
    optimizeEmptyRequests: true,
    // Node's own answer has no body.
    requireHostHeader: false,
  }
  if (!tls) return http.createServer(common, handle)
  return createHttpsServer(
    {
      ...common,
      ...tls,
      ...pairOptions({ ticketSecret }),
      handshakeTimeout: CONNECTION_LIMITS.handshakeTimeoutMs,
      ALPNProtocols: ['http/1.1', 'http/1.0'],
    },
    handle,
  )
}

function pairOptions({ ticketSecret }: Pick<ListenOptions, 'ticketSecret'>) {
  return { ...tlsOptionsOf('Mozilla-Intermediate'), ...ticketKeysOf(ticketSecret, 'pair') }
}

/** RFC 9112, 3.2: of doubles whoever stands before this server may have believed the other host, or the other log-in. */
function refusingHeads(handle: RequestListener): RequestListener {
  return (request, response) => {
    const refusal = hasDoubles(request.rawHeaders) ? DOUBLED : refusalOfHead(request)
    if (!refusal) return handle(request, response)
    refuse(request, response, refusal)
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, { status, reason }: HeadRefusal): void {
  const body = JSON.stringify({ errors: [{ code: 'REQUEST_INVALID', message: reason }] })
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    connection: 'close',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
  request.resume()
}

/** Node's own answer has no body. */
const UNMET: HeadRefusal = { status: 417, reason: 'nothing but 100-continue may be expected here' }
const DOUBLED: HeadRefusal = {
  status: 400,
  reason: 'the request has several Host or Authorization headers: send one of each',
}
/** What the parser refuses -> status line, and what to say. */
const UNREADABLE: Readonly<Record<string, readonly [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    `the head of the request, its path and headers, is larger than ${MAX_HEAD_BYTES} bytes: send less`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    '408 Request Timeout',
    'the head of the request did not come in time: send it again',
  ],
}
const OTHERWISE = ['400 Bad Request', 'the request cannot be understood'] as const
const TUNNEL = ['405 Method Not Allowed', 'there are no tunnels through this server'] as const

/**
 * What the parser refuses gets a short answer where one can still be sent, and the connection ends; nothing of the
 * request is repeated. In the middle of another answer it would be taken for a part of that one's body; before another
 * that is still to come it would be taken for that one, so the connection ends after the last of `pending`, those that
 * the connection waits for.
 */
export function answerUnreadable(
  error: NodeJS.ErrnoException,
  socket: Socket,
  pending: readonly ServerResponse[],
): void {
  const last = pending.at(-1)
  const isWaiting = last?.req.complete === true && !last.headersSent && !last.destroyed
  if (isWaiting && socket.writable && error.code?.startsWith('HPE_')) {
    socket.pause()
    last.once('close', () => socket.destroySoon())
    return
  }
  const isAnswering = pending.length > 1 || last?.headersSent
  if (!socket.writable || isAnswering || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  endWithError(socket, UNREADABLE[error.code ?? ''] ?? OTHERWISE)
}

/** Answers `CONNECT`, which Node would end without a word, and ends the connection. */
export function refuseTunnel(socket: Socket): void {
  // Errors of a connection that ends anyway.
  socket.on('error', () => {})
  endWithError(socket, TUNNEL)
}

function endWithError(socket: Socket, [status, message]: readonly [status: string, message: string]): void {
  const body = JSON.stringify({ errors: [{ code: 'REQUEST_INVALID', message }] })
  endWithAnswer(
    socket,
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
}

async function stop(server: Server, signal: AbortSignal): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  // A connection that answers its last request now becomes idle, and nobody would end it.
  const sweep = setInterval(() => server.closeIdleConnections(), 100)
  const cut = (): void => server.closeAllConnections()
  signal.addEventListener('abort', cut, { once: true })
  if (signal.aborted) cut()
  try {
    await closed
  } finally {
    clearInterval(sweep)
    signal.removeEventListener('abort', cut)
  }
}
