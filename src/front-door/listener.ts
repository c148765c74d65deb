import { constants } from 'node:crypto'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

/** Longest time to send all headers of a request, in milliseconds: a slow sender must not hold a connection. */
const HEADERS_TIMEOUT_MS = 20_000
/** Time between two looks for such a sender, in milliseconds: Node's own 30 s would more than double the wait. */
const CONNECTIONS_CHECK_MS = 5_000
/** Longest time for a TLS handshake, in milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 20_000
/** How long an idle connection is kept, in milliseconds: longer than the 60 s of common load balancers. */
const KEEP_ALIVE_MS = 75_000
/** Largest head of a request, in bytes: a bearer token with many scopes takes 8 KiB. */
const MAX_HEADER_BYTES = 32 * 1024
/** Headers of one request: real clients send below 30. */
const MAX_HEADERS = 100
/** Connections at once: each idle one costs some 10 KiB. */
const MAX_CONNECTIONS = 10_000
/** How much a socket reads ahead while its body is not taken. */
const SOCKET_BUFFER_BYTES = 64 * 1024

/** A certificate chain and its key, PEM. */
export interface TlsPair {
  readonly cert: Buffer
  readonly key: Buffer
}

/** Where and how to listen. */
export interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly tls: TlsPair | undefined
  readonly handle: RequestListener
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

/** Starts to listen. Errors: those of the system (`EADDRINUSE`, `EACCES`), and of OpenSSL for a pair that does not fit. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const server = createServer(options)
  server.requestTimeout = 0
  server.headersTimeout = options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.maxHeadersCount = MAX_HEADERS
  server.maxConnections = MAX_CONNECTIONS
  const answers = new WeakMap<Socket, ServerResponse>()
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answers.set(request.socket, response)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    answerUnreadable(error, socket, answers.get(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: options.host, port: options.port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return { url: urlOf(server, options), stop: (signal) => stop(server, signal) }
}

function createServer({ tls, handle, headersTimeoutMs = HEADERS_TIMEOUT_MS }: ListenOptions): Server {
  const common = {
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
    highWaterMark: SOCKET_BUFFER_BYTES,
    connectionsCheckingInterval: Math.min(CONNECTIONS_CHECK_MS, headersTimeoutMs),
  }
  if (!tls) return createHttpServer(common, handle)
  return createHttpsServer(
    {
      ...common,
      ...tls,
      minVersion: 'TLSv1.2',
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      ALPNProtocols: ['http/1.1'],
      // Mozilla "Intermediate"; AES-128 first, which is the fastest of them where the processor knows AES.
      ciphers: CIPHERS,
      honorCipherOrder: true,
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    },
    handle,
  )
}

const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/**
 * What the parser refuses gets a short answer where one can still be sent, and the connection ends; nothing of the
 * request is repeated. In the middle of another answer it would be taken for a part of that one's body.
 */
function answerUnreadable(
  error: NodeJS.ErrnoException,
  socket: Socket,
  last: ServerResponse | undefined,
): void {
  const isAnswering = last?.headersSent && !last.writableFinished
  if (!socket.writable || isAnswering || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  const body = '{"errors":[{"code":"REQUEST_INVALID","message":"the request cannot be understood"}]}'
  socket.write(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
  // Once that is written, not when the client closes too: it may never do so.
  socket.destroySoon()
}

function urlOf(server: Server, { host, tls }: ListenOptions): string {
  const { port } = server.address() as AddressInfo
  const named = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `${tls ? 'https' : 'http'}://${named}:${port}`
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
