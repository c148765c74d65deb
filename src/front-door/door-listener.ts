import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer, type SecureContext, type Server as TlsServer } from 'node:tls'
import { readClientHello } from './client-hello.ts'
import { answerUnreadable, CONNECTION_LIMITS } from './listener.ts'
import { peek } from './peek.ts'
import { readProxyHeader } from './proxy-protocol.ts'
import type { TlsPolicyName } from './site-declaration.ts'
import { tlsOptionsOf } from './tls-policy.ts'

/** Protocol of the challenge of RFC 8737. */
const ACME_TLS = 'acme-tls/1'
/** Streams of one HTTP/2 connection at once. */
const MAX_STREAMS = 128
/** Streams that one connection may reset within a second before it is closed (CVE-2023-44487). */
const MAX_RESETS_PER_S = 200
/** Alert "unrecognized_name", fatal (RFC 6066 section 3). */
const UNRECOGNIZED_NAME = Buffer.from([0x15, 3, 3, 0, 2, 2, 112])

/** A request of either version of HTTP. */
export type DoorRequest = IncomingMessage | Http2ServerRequest
/** The answer to it. */
export type DoorResponse = ServerResponse | Http2ServerResponse

/** Where a connection comes from and what it was opened for. */
export interface ConnectionFacts {
  readonly scheme: 'http' | 'https'
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localPort: number
  /** The name of the handshake; undefined without TLS, or without a name. */
  readonly serverName: string | undefined
}

/** How a name is served over TLS. */
export interface NamePolicy {
  readonly policy: TlsPolicyName
  readonly http2: boolean
}

/** What a listener asks while it takes connections. All answers come at once: they are asked in each handshake. */
export interface DoorPorts {
  /** How a name is served; undefined: not at all, so that the handshake is refused. */
  tlsFor(serverName: string | undefined): NamePolicy | undefined
  /** The certificate of a name that {@link tlsFor} knows. */
  contextFor(serverName: string | undefined): SecureContext | undefined
  /** The certificate for a handshake of RFC 8737. */
  challengeFor(serverName: string): SecureContext | undefined
  isProxyTrusted(address: string): boolean
  handle(request: DoorRequest, response: DoorResponse, facts: ConnectionFacts): void
  upgrade(request: IncomingMessage, opened: { socket: Duplex; head: Buffer; facts: ConnectionFacts }): void
}

/** Where to listen. */
export type DoorAddress =
  | { readonly host: string; readonly port: number; readonly path?: undefined }
  | { readonly path: string }

/** A socket that accepts connections. */
export interface DoorListener {
  /** Such as `https://127.0.0.1:443` or `unix:/run/berth.sock`. */
  readonly url: string
  /** Accepts no more connections, ends idle ones, and waits for requests under way until `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>
}

interface Source {
  readonly address: string
  readonly port: number
}

/**
 * Starts to listen for the front door: the first bytes of each connection are looked at (PROXY header, ClientHello)
 * and the connection is then handed, as it is, to the server that speaks what was asked for. Errors: those of the
 * system (`EADDRINUSE`, `EACCES`, …).
 */
export async function openDoorListener(
  address: DoorAddress,
  options: { isTls: boolean; hasProxies: boolean; ports: DoorPorts },
): Promise<DoorListener> {
  const listener = new Listening(options)
  await listener.listen(address)
  return {
    url: listener.urlOf(address),
    stop: (signal) => listener.stop(signal),
  }
}

class Listening {
  readonly #isTls: boolean
  readonly #hasProxies: boolean
  readonly #ports: DoorPorts
  readonly #server: Server
  readonly #plain: HttpServer
  readonly #secure = new Map<string, HttpsServer | Http2SecureServer>()
  #challenge: TlsServer | undefined
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #upgraded = new Set<Duplex>()
  /** What PROXY headers said, by the real peer of the connection, which a TLS socket knows as well. */
  readonly #sources = new Map<string, Source>()
  readonly #answers = new WeakMap<object, ServerResponse>()
  #isStopping = false

  constructor({ isTls, hasProxies, ports }: { isTls: boolean; hasProxies: boolean; ports: DoorPorts }) {
    this.#isTls = isTls
    this.#hasProxies = hasProxies
    this.#ports = ports
    this.#plain = createHttpServer(HTTP_OPTIONS)
    this.#prepareHttp(this.#plain, 'http')
    // Without TLS and proxies there is nothing to look at first: connections are the HTTP server's own.
    this.#server =
      isTls || hasProxies
        ? createNetServer({ noDelay: true }, (socket) => void this.#accept(socket))
        : this.#plain
    this.#server.maxConnections = CONNECTION_LIMITS.maxConnections
  }

  async listen(address: DoorAddress): Promise<void> {
    try {
      await listenOn(this.#server, address)
    } catch (error) {
      const isWithoutIpv6 = error instanceof Error && 'code' in error && error.code === 'EAFNOSUPPORT'
      if (address.path !== undefined || address.host !== '*' || !isWithoutIpv6) throw error
      await listenOn(this.#server, { host: '0.0.0.0', port: address.port })
    }
  }

  urlOf(address: DoorAddress): string {
    if (address.path !== undefined) return `unix:${address.path}`
    const { port } = this.#server.address() as AddressInfo
    const { host } = address
    const named = ['*', '0.0.0.0', '::'].includes(host)
      ? 'localhost'
      : host.includes(':')
        ? `[${host}]`
        : host
    return `${this.#isTls ? 'https' : 'http'}://${named}:${port}`
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#isStopping = true
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const endIdle = (): void => {
      this.#plain.closeIdleConnections()
      for (const server of this.#secure.values())
        if ('closeIdleConnections' in server) server.closeIdleConnections()
    }
    for (const session of this.#sessions) session.close()
    endIdle()
    // A connection that answers its last request now becomes idle, and nobody would end it.
    const sweep = setInterval(endIdle, 100)
    const cut = (): void => {
      for (const socket of this.#sockets) socket.destroy()
      for (const socket of this.#upgraded) socket.destroy()
      this.#plain.closeAllConnections()
    }
    signal.addEventListener('abort', cut, { once: true })
    if (signal.aborted) cut()
    try {
      await closed
    } finally {
      clearInterval(sweep)
      signal.removeEventListener('abort', cut)
      for (const server of [this.#plain, ...this.#secure.values()]) clearTracking(server)
    }
  }

  async #accept(socket: Socket): Promise<void> {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    socket.on('error', ignore)
    const deadline = setTimeout(() => socket.destroy(), CONNECTION_LIMITS.handshakeTimeoutMs)
    socket.once('close', () => clearTimeout(deadline))
    const isReady = !this.#hasProxies || (await this.#readSource(socket))
    if (!isReady) return void socket.destroy()
    if (this.#isTls) await this.#acceptTls(socket)
    else this.#plain.emit('connection', socket)
    clearTimeout(deadline)
  }

  /** @returns false for a connection that must not be served. */
  async #readSource(socket: Socket): Promise<boolean> {
    if (!this.#ports.isProxyTrusted(plainAddress(socket.remoteAddress))) return true
    const header = await peek(socket, readProxyHeader)
    if (header === undefined || header.kind === 'malformed') return false
    if (header.kind !== 'header') return true
    socket.read(header.length)
    if (header.source) {
      const key = peerKey(socket)
      this.#sources.set(key, header.source)
      socket.once('close', () => this.#sources.delete(key))
    }
    return true
  }

  async #acceptTls(socket: Socket): Promise<void> {
    const hello = await peek(socket, readClientHello)
    if (hello === undefined || hello.kind === 'malformed') return void socket.destroy()
    if (hello.kind !== 'hello') {
      // Somebody speaks plain HTTP here: an answer that says so helps more than a cut connection.
      socket.end(PLAIN_ON_TLS)
      return
    }
    const { serverName, protocols } = hello
    if (protocols.includes(ACME_TLS) && serverName !== undefined) {
      this.#challengeServer().emit('connection', socket)
      return
    }
    const how = this.#ports.tlsFor(serverName)
    if (!how) {
      socket.end(UNRECOGNIZED_NAME)
      return
    }
    this.#secureServer({ ...how, http2: how.http2 && protocols.includes('h2') }).emit('connection', socket)
  }

  #secureServer({ policy, http2 }: NamePolicy): HttpsServer | Http2SecureServer {
    const key = `${policy} ${http2}`
    const known = this.#secure.get(key)
    if (known) return known
    const options = {
      ...tlsOptionsOf(policy),
      handshakeTimeout: CONNECTION_LIMITS.handshakeTimeoutMs,
      SNICallback: (name: string, done: (error: Error | null, context?: SecureContext) => void) => {
        const context = this.#ports.contextFor(name.toLowerCase())
        if (context) done(null, context)
        else done(new Error('There is no certificate for this name'))
      },
    }
    const server = http2
      ? this.#createHttp2(options)
      : createHttpsServer({ ...HTTP_OPTIONS, ...options, ALPNProtocols: ['http/1.1'] })
    if (!http2) this.#prepareHttp(server as HttpsServer, 'https')
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    this.#secure.set(key, server)
    return server
  }

  #createHttp2(options: object): Http2SecureServer {
    const server = createSecureServer({
      ...options,
      ALPNProtocols: ['h2'],
      settings: {
        maxConcurrentStreams: MAX_STREAMS,
        maxHeaderListSize: CONNECTION_LIMITS.maxHeaderBytes,
        enableConnectProtocol: true,
      },
      maxSendHeaderBlockLength: 4 * CONNECTION_LIMITS.maxHeaderBytes,
      maxHeaderListPairs: CONNECTION_LIMITS.maxHeaders,
      maxSessionInvalidFrames: 100,
      maxSessionRejectedStreams: 100,
      maxSettings: 32,
      unknownProtocolTimeout: CONNECTION_LIMITS.handshakeTimeoutMs,
    })
    server.on('session', (session) => this.#watchSession(session))
    server.on('sessionError', ignore)
    server.on('request', (request, response) => {
      this.#ports.handle(request, response, this.#factsOf(request.socket as unknown as Socket, 'https'))
    })
    return server
  }

  /** Ends idle sessions, and those whose client opens streams only to reset them. */
  #watchSession(session: ServerHttp2Session): void {
    if (this.#isStopping) return void session.close()
    this.#sessions.add(session)
    session.once('close', () => this.#sessions.delete(session))
    session.setTimeout(CONNECTION_LIMITS.keepAliveMs, () => session.close())
    let resets = 0
    let since = Date.now()
    session.on('stream', (stream) => {
      stream.on('error', ignore)
      stream.once('close', () => {
        if (stream.rstCode === 0 || !stream.aborted) return
        const now = Date.now()
        if (now - since > 1_000) {
          since = now
          resets = 0
        }
        if (++resets > MAX_RESETS_PER_S) session.destroy()
      })
    })
  }

  #challengeServer(): TlsServer {
    this.#challenge ??= createTlsServer(
      {
        ALPNProtocols: [ACME_TLS],
        handshakeTimeout: CONNECTION_LIMITS.handshakeTimeoutMs,
        SNICallback: (name, done) => {
          const context = this.#ports.challengeFor(name.toLowerCase())
          if (context) done(null, context)
          else done(new Error('There is no challenge for this name'))
        },
      },
      // The handshake was all there is to it (RFC 8737 section 3).
      (socket) => socket.end(),
    ).on('tlsClientError', (_error, socket) => socket.destroy())
    return this.#challenge
  }

  #prepareHttp(server: HttpServer | HttpsServer, scheme: 'http' | 'https'): void {
    server.requestTimeout = 0
    server.headersTimeout = CONNECTION_LIMITS.headersTimeoutMs
    server.keepAliveTimeout = CONNECTION_LIMITS.keepAliveMs
    server.maxHeadersCount = CONNECTION_LIMITS.maxHeaders
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#answers.set(request.socket, response)
      this.#ports.handle(request, response, this.#factsOf(request.socket, scheme))
    })
    // The handler decides whether to ask for the body: a refusal comes before it was sent.
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      server.emit('request', request, response)
    })
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgraded.add(socket)
      socket.once('close', () => this.#upgraded.delete(socket))
      socket.on('error', ignore)
      this.#ports.upgrade(request, { socket, head, facts: this.#factsOf(request.socket, scheme) })
    })
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      answerUnreadable(error, socket, this.#answers.get(socket))
    })
    // A server that does not listen by itself does not look for slow senders either, until it is told.
    if (server !== (this.#server as unknown)) server.emit('listening')
  }

  #factsOf(socket: Socket, scheme: 'http' | 'https'): ConnectionFacts {
    const source = this.#sources.size > 0 ? this.#sources.get(peerKey(socket)) : undefined
    const serverName = scheme === 'https' ? (socket as { servername?: string | false }).servername : undefined
    return {
      scheme,
      remoteAddress: source?.address ?? plainAddress(socket.remoteAddress),
      remotePort: source?.port ?? socket.remotePort ?? 0,
      localPort: socket.localPort ?? 0,
      serverName: typeof serverName === 'string' && serverName !== '' ? serverName.toLowerCase() : undefined,
    }
  }
}

const HTTP_OPTIONS = {
  maxHeaderSize: CONNECTION_LIMITS.maxHeaderBytes,
  noDelay: true,
  highWaterMark: CONNECTION_LIMITS.socketBufferBytes,
  connectionsCheckingInterval: CONNECTION_LIMITS.connectionsCheckMs,
}

const PLAIN_BODY = 'This port speaks HTTPS only.\n'
const PLAIN_ON_TLS = `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${PLAIN_BODY.length}\r\nConnection: close\r\n\r\n${PLAIN_BODY}`

function listenOn(server: Server, address: DoorAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const done = (): void => {
      server.off('error', reject)
      resolve()
    }
    if (address.path !== undefined) server.listen({ path: address.path }, done)
    else server.listen({ host: address.host === '*' ? '::' : address.host, port: address.port }, done)
  })
}

/** Ends the look for slow senders, which `close` of a server that never listened does not reach. */
function clearTracking(server: HttpServer | HttpsServer | Http2SecureServer): void {
  if (!server.listening) server.close(ignore)
}

function peerKey(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localPort}`
}

/** An IPv4 address that came over IPv6 in its own form. */
function plainAddress(address: string | undefined): string {
  return address?.startsWith('::ffff:') ? address.slice('::ffff:'.length) : (address ?? '')
}

function ignore(): void {}
