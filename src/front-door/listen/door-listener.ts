import type { Server as HttpServer } from 'node:http'
import type { Http2Server, ServerHttp2Session } from 'node:http2'
import { createServer as createNetServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { toPlainHost } from '../visit/address/host-name.ts'
import { plainAddress } from '../visit/address/network-address.ts'
import { readClientProof } from '../visit/client-proof.ts'
import type { ConnectionFacts } from '../visit/make-visit.ts'
import type { Visit } from '../visit/visit.ts'
import { type DoorOptions, type DoorPorts, MAX_CONNECTIONS_PER_ADDRESS } from './door-ports.ts'
import { createHttp1 } from './http/http1-server.ts'
import { CONNECTION_LIMITS } from './http/limits/connection-limits.ts'
import type { DoorRequest, DoorResponse } from './http/messages/door-request.ts'
import type { Http1Request } from './http/messages/http1-message.ts'
import type { RequestPorts } from './http/request-ports.ts'
import { ConnectionCount } from './sockets/connection-count.ts'
import { type DoorAddress, formatUrl, listenOn } from './sockets/door-address.ts'
import { boundConnections, connectionLimit } from './sockets/open-file-limit.ts'
import { peek } from './sockets/peek.ts'
import { readProxyHeader } from './sockets/proxy-protocol.ts'
import { type JudgedConnection, JudgedConnections } from './tls/judged-connections.ts'
import type { HelloFacts, TlsEntrance } from './tls-entrance.ts'

/** Time for a new connection to send its first request once the listener stops, in milliseconds. */
const FRESH_GRACE_MS = 1_000
/** Time between two checks for connections that became idle while the listener stops, in milliseconds. */
const SWEEP_MS = 50
/** A socket that accepts connections. */
export interface DoorListener {
  /** Such as `https://127.0.0.1:443` or `unix:/run/berth.sock`. */
  readonly url: string
  /** Accepts no more connections, ends idle ones, and waits for requests under way until `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>
}

/**
 * Starts to listen for the front door: the first bytes of each connection are read (PROXY header, ClientHello) and the
 * connection is then passed, unchanged, to the server of its protocol. Errors: those of the system (`EADDRINUSE`,
 * `EACCES`, …).
 */
export async function openDoorListener(address: DoorAddress, options: DoorOptions): Promise<DoorListener> {
  const listening = new Listening(address, options, await loadParts(options))
  await listenOn(listening.server, address)
  listening.begin()
  return {
    url: formatUrl(listening.server, address, options.isTls ? 'https' : 'http'),
    stop: (signal) => listening.stop(signal),
  }
}

/** Parts that take memory, loaded by the listeners that need them. */
interface LoadedParts {
  readonly createHttp2: typeof import('./http/http2-server.ts').createHttp2 | undefined
  readonly createTlsEntrance: typeof import('./tls-entrance.ts').createTlsEntrance | undefined
}

async function loadParts({ http2: bounds, isTls }: DoorOptions): Promise<LoadedParts> {
  const [http2, tls] = await Promise.all([
    bounds ? import('./http/http2-server.ts') : undefined,
    isTls ? import('./tls-entrance.ts') : undefined,
  ])
  return { createHttp2: http2?.createHttp2, createTlsEntrance: tls?.createTlsEntrance }
}

/** An open connection; facts are known once it is passed on. */
interface Connection {
  readonly raw: Socket
  readonly source: { address: string; port: number }
  facts: ConnectionFacts | undefined
  /** Set before the handshake, if there is one. */
  helloName: HelloFacts['helloName']
  clients: HelloFacts['clients']
  /** Set after it. */
  judged: JudgedConnection | undefined
  /** Timer until TLS is set up. */
  deadline: NodeJS.Timeout | undefined
  /** True until its first request. */
  isFresh: boolean
}

class Listening {
  /** The server that listens. */
  readonly server: Server
  readonly #isUnixSocket: boolean
  readonly #options: DoorOptions
  readonly #ports: DoorPorts
  readonly #http1: HttpServer
  /** undefined: HTTP/2 is not spoken. */
  readonly #http2: Http2Server | undefined
  /** Undefined: plain HTTP. */
  readonly #tls: TlsEntrance | undefined
  readonly #count: ConnectionCount
  readonly #connections = new Set<Connection>()
  /** By socket, and by session of HTTP/2, whose sockets are proxies. */
  readonly #byCarrier = new WeakMap<object, Connection>()
  readonly #judged = new JudgedConnections((error) => this.#ports.logFailure(error))
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #upgrading = new WeakMap<object, Visit>()
  /** The connection that is being handed to the server of HTTP/2. */
  #entering: Connection | undefined
  #isStopping = false
  /** True if no connection may stay, not even one that the system accepted a moment ago. */
  #isCut = false

  constructor(address: DoorAddress, options: DoorOptions, { createHttp2, createTlsEntrance }: LoadedParts) {
    this.#isUnixSocket = address.path !== undefined
    this.#options = options
    this.#ports = options.ports
    this.#count = new ConnectionCount(options.maxPerAddress ?? MAX_CONNECTIONS_PER_ADDRESS)
    const requests: RequestPorts = {
      handle: (request, response) => this.#handle(request, response),
      refuseHead: (response, refusal) => this.#ports.refuseHead(response, refusal),
      word: this.#ports.word,
      shouldUpgrade: (request) => this.#shouldUpgrade(request),
      upgrade: (request, socket, head) => this.#upgrade(request, socket, head),
    }
    const headersTimeoutMs = options.headersTimeoutMs ?? CONNECTION_LIMITS.headersTimeoutMs
    this.#http1 = createHttp1(requests, { headersTimeoutMs })
    if (options.http2)
      this.#http2 = createHttp2?.(requests, options.http2, (session) => this.#onSession(session))
    this.#tls = createTlsEntrance?.(this.#ports, (socket, raw) => this.#onSecure(socket, raw))
    this.server = this.#isBare
      ? this.#http1.on('connection', (socket: Socket) => this.#acceptBare(socket))
      : createNetServer({
          noDelay: true,
          // As Node's own servers do: a client may end its side before it has its answer, but not below TLS.
          allowHalfOpen: !options.isTls,
          highWaterMark: CONNECTION_LIMITS.socketBufferBytes,
        }).on('connection', (socket) => this.#receive(socket))
    boundConnections(this.server, options.maxConnections ?? connectionLimit(CONNECTION_LIMITS.maxConnections))
  }

  /** True without TLS and proxies: there is nothing to read first, and connections are the HTTP server's own. */
  get #isBare(): boolean {
    return !this.#options.isTls && this.#options.proxyProtocol === 'none'
  }

  begin(): void {
    // A server that does not listen itself checks for slow senders only after this event.
    if (!this.#isBare) this.#http1.emit('listening')
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#isStopping = true
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const session of this.#sessions) session.close()
    const endFresh = setTimeout(() => {
      for (const { raw, isFresh } of this.#connections) if (isFresh) raw.destroy()
    }, FRESH_GRACE_MS)
    const endIdle = (): void => this.#http1.closeIdleConnections()
    endIdle()
    // A connection that answers its last request now becomes idle, and would never be ended.
    const sweep = setInterval(endIdle, SWEEP_MS)
    const cut = (): void => {
      this.#isCut = true
      for (const { raw } of this.#connections) raw.destroy()
    }
    signal.addEventListener('abort', cut, { once: true })
    if (signal.aborted) cut()
    try {
      await closed
    } finally {
      clearTimeout(endFresh)
      clearInterval(sweep)
      signal.removeEventListener('abort', cut)
      // Ends the check for slow senders.
      if (!this.#isBare) this.#http1.close(ignore)
    }
  }

  #receive(socket: Socket): void {
    socket.on('error', ignore)
    this.#accept(socket).catch((error) => {
      socket.destroy()
      this.#ports.logFailure(error)
    })
  }

  #acceptBare(socket: Socket): void {
    const connection = this.#register(socket)
    if (!connection) return
    if (!this.#isWelcome(connection, connection.source.address)) return void socket.destroy()
    this.#handOn(socket, connection, { scheme: 'http', serverName: undefined, client: undefined })
  }

  async #accept(socket: Socket): Promise<void> {
    const connection = this.#register(socket)
    if (!connection) return
    connection.deadline = setTimeout(
      () => socket.destroy(),
      this.#options.handshakeTimeoutMs ?? CONNECTION_LIMITS.handshakeTimeoutMs,
    )
    socket.once('close', () => clearTimeout(connection.deadline))
    const isFromProxy =
      this.#options.proxyProtocol !== 'none' && this.#ports.isProxyTrusted(connection.source.address)
    // Connections of a proxy are counted by the visitor's address, which is not known yet.
    if (!isFromProxy && !this.#isWelcome(connection, connection.source.address)) return void socket.destroy()
    if (isFromProxy && (this.#isCut || !(await this.#readSource(connection)))) return void socket.destroy()
    if (this.#tls) return this.#tls.accept(socket, (helloFacts) => void Object.assign(connection, helloFacts))
    this.#handOn(socket, connection, { scheme: 'http', serverName: undefined, client: undefined })
    this.#http1.emit('connection', socket)
  }

  /** Undefined for a connection that its client has reset already: it has no address any more, as those of Unix sockets. */
  #register(raw: Socket): Connection | undefined {
    if (raw.remoteAddress === undefined && !this.#isUnixSocket) {
      raw.destroy()
      return undefined
    }
    const source = { address: plainAddress(raw.remoteAddress), port: raw.remotePort ?? 0 }
    const connection: Connection = {
      raw,
      source,
      facts: undefined,
      helloName: undefined,
      clients: undefined,
      judged: undefined,
      deadline: undefined,
      isFresh: true,
    }
    this.#connections.add(connection)
    this.#byCarrier.set(raw, connection)
    raw.once('close', () => this.#connections.delete(connection))
    return connection
  }

  #isWelcome({ raw }: Connection, address: string): boolean {
    if (this.#isCut) return false
    if (!this.#ports.isCounted(address)) return true
    const release = this.#count.add(address)
    if (release) raw.once('close', release)
    return release !== undefined
  }

  /** @returns false for a connection that must not be served. */
  async #readSource(connection: Connection): Promise<boolean> {
    const { raw, source } = connection
    const header = await peek(raw, readProxyHeader)
    if (header === undefined || header.kind === 'malformed') return false
    if (header.kind !== 'header') return this.#options.proxyProtocol === 'optional'
    raw.read(header.length)
    if (!header.source) return true
    Object.assign(source, header.source)
    return this.#isWelcome(connection, source.address)
  }

  #onSecure(socket: TLSSocket, raw: Socket | undefined): void {
    const connection = raw && this.#byCarrier.get(raw)
    if (!connection) return void socket.destroy()
    const serverName = socket.servername ? toPlainHost(socket.servername) : connection.helloName
    const { clients } = connection
    const client = clients && readClientProof(socket, clients)
    if (clients) {
      const isCurrent = (): boolean => this.#ports.tlsFor(serverName)?.clients === clients
      connection.judged = this.#judged.add(socket, isCurrent)
    }
    this.#handOn(socket, connection, { scheme: 'https', serverName, client })
    if (socket.alpnProtocol !== 'h2') return void this.#http1.emit('connection', socket)
    this.#entering = connection
    this.#http2?.emit('connection', socket)
    this.#entering = undefined
  }

  #onSession(session: ServerHttp2Session): void {
    if (this.#isStopping) return void session.close()
    const connection = this.#entering
    if (!connection) return void session.destroy()
    this.#byCarrier.set(session, connection)
    const { judged } = connection
    if (judged) judged.end = () => session.close()
    this.#sessions.add(session)
    session.once('close', () => this.#sessions.delete(session))
  }

  #handle(request: DoorRequest, response: DoorResponse): void {
    const connection = this.#findConnection(request)
    const visit = connection && this.#makeVisitOnce(request, connection)
    if (!visit) return void response.destroy()
    const { judged } = connection
    if (judged) {
      judged.busy++
      response.once('close', () => judged.busy--)
    }
    if (this.#isStopping && request.httpVersionMajor === 1) response.setHeader('connection', 'close')
    this.#ports.handle(request, response, visit)
  }

  #shouldUpgrade(request: Http1Request): boolean {
    const connection = this.#findConnection(request)
    const visit = connection && this.#makeVisitOnce(request, connection)
    return visit !== undefined && this.#ports.shouldUpgrade(request, visit)
  }

  #upgrade(request: Http1Request, socket: Duplex, head: Buffer): void {
    const connection = this.#findConnection(request)
    const visit = connection && this.#makeVisitOnce(request, connection)
    if (!visit) return void socket.destroy()
    // A connection with another protocol ends by itself.
    if (connection.judged) this.#judged.delete(connection.judged)
    this.#ports.upgrade(request, { socket, head, visit })
  }

  #findConnection(request: DoorRequest): Connection | undefined {
    if (!('stream' in request)) return this.#byCarrier.get(request.socket)
    const { session } = request.stream
    return session && this.#byCarrier.get(session)
  }

  /** The visit of a request, the same each time. A connection with a request is new no more. */
  #makeVisitOnce(request: DoorRequest, connection: Connection): Visit | undefined {
    connection.isFresh = false
    const { facts } = connection
    if (!facts) return undefined
    // Only a request for another protocol is looked at twice.
    if (request.headers.upgrade === undefined) return this.#ports.makeVisit(request, facts)
    const visit = this.#upgrading.get(request) ?? this.#ports.makeVisit(request, facts)
    this.#upgrading.set(request, visit)
    return visit
  }

  /** Notes where the requests of a connection come from. */
  #handOn(
    socket: Socket,
    connection: Connection,
    { scheme, serverName, client }: Pick<ConnectionFacts, 'scheme' | 'serverName' | 'client'>,
  ): void {
    const { raw, source } = connection
    clearTimeout(connection.deadline)
    connection.deadline = undefined
    connection.facts = {
      scheme,
      serverName,
      client,
      remoteAddress: source.address,
      remotePort: source.port,
      localPort: raw.localPort ?? 0,
    }
    this.#byCarrier.set(socket, connection)
  }
}

function ignore(): void {}
