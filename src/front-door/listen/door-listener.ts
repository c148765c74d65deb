import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Http2Server, ServerHttp2Session } from 'node:http2'
import { createServer as createNetServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { toPlainHost } from '../visit/host-name.ts'
import { plainAddress } from '../visit/network-address.ts'
import { readClientHello } from './client-hello.ts'
import type { ClientAuthority } from './client-proof.ts'
import { readClientProof } from './client-proof.ts'
import { ConnectionCount } from './connection-count.ts'
import { CONNECTION_LIMITS } from './connection-limits.ts'
import { type DoorAddress, listenOn, urlOf } from './door-address.ts'
import {
  type ConnectionFacts,
  type DoorOptions,
  type DoorPorts,
  MAX_CONNECTIONS_PER_ADDRESS,
} from './door-ports.ts'
import type { DoorRequest, DoorResponse } from './http/door-request.ts'
import { createHttp1, createHttp2 } from './http/http-servers.ts'
import { type JudgedConnection, JudgedConnections } from './judged-connections.ts'
import { boundConnections, connectionLimit } from './open-file-limit.ts'
import { peek } from './peek.ts'
import { readProxyHeader } from './proxy-protocol.ts'
import { ACME_TLS, TlsServers } from './tls-servers.ts'

/** How long a refused client has to read why, in milliseconds. */
const LINGER_MS = 1_000
/** How long a new connection has to send its first request once the listener stops, in milliseconds. */
const FRESH_GRACE_MS = 1_000
/** Time between two looks for connections that became idle while the listener stops, in milliseconds. */
const SWEEP_MS = 50
/** Alert "unrecognized_name", fatal (RFC 6066 section 3). */
const UNRECOGNIZED_NAME = Buffer.from([0x15, 3, 3, 0, 2, 2, 112])
/** Alert "protocol_version", fatal (RFC 8446 section 6.2). */
const PROTOCOL_VERSION = Buffer.from([0x15, 3, 3, 0, 2, 2, 70])
const PLAIN_BODY = 'This port speaks HTTPS only.\n'
const PLAIN_ON_TLS = `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${PLAIN_BODY.length}\r\nConnection: close\r\n\r\n${PLAIN_BODY}`

/** A socket that accepts connections. */
export interface DoorListener {
  /** Such as `https://127.0.0.1:443` or `unix:/run/berth.sock`. */
  readonly url: string
  /** Accepts no more connections, ends idle ones, and waits for requests under way until `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>
}

/**
 * Starts to listen for the front door: the first bytes of each connection are looked at (PROXY header, ClientHello)
 * and the connection is then handed, as it is, to the server that speaks what was asked for. Errors: those of the
 * system (`EADDRINUSE`, `EACCES`, …).
 */
export async function openDoorListener(address: DoorAddress, options: DoorOptions): Promise<DoorListener> {
  const listening = new Listening(options)
  await listenOn(listening.server, address)
  listening.begin()
  return {
    url: urlOf(listening.server, address, options.isTls ? 'https' : 'http'),
    stop: (signal) => listening.stop(signal),
  }
}

/** An open connection; facts are known once it is handed on. */
interface Connection {
  readonly raw: Socket
  readonly source: { address: string; port: number }
  facts: ConnectionFacts | undefined
  /** What the first bytes asked for: the TLS stack does not say it of a resumed session. */
  helloName: string | undefined
  /** By whom the client is judged in its handshake. */
  clients: ClientAuthority | undefined
  /** Set once it was. */
  judged: JudgedConnection | undefined
  /** Until TLS is set up. */
  deadline: NodeJS.Timeout | undefined
  /** Until its first request. */
  isFresh: boolean
}

class Listening {
  /** What listens. */
  readonly server: Server
  readonly #options: DoorOptions
  readonly #ports: DoorPorts
  readonly #http1: HttpServer
  readonly #http2: Http2Server
  readonly #tls: TlsServers
  readonly #count: ConnectionCount
  readonly #connections = new Set<Connection>()
  readonly #judged = new JudgedConnections((error) => this.#ports.logFailure(error))
  readonly #sessions = new Set<ServerHttp2Session>()
  #isStopping = false
  /** No connection is to be left, not even one that the system accepted a moment ago. */
  #isCut = false

  constructor(options: DoorOptions) {
    this.#options = options
    this.#ports = options.ports
    this.#count = new ConnectionCount(options.maxPerAddress ?? MAX_CONNECTIONS_PER_ADDRESS)
    const requests = {
      handle: (request: DoorRequest, response: DoorResponse) => this.#handle(request, response),
      shouldUpgrade: (request: IncomingMessage) => {
        const facts = factsOf(request.socket)
        return facts !== undefined && this.#ports.shouldUpgrade(request, facts)
      },
      upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        const facts = factsOf(request.socket)
        const judged = connectionOf(request.socket)?.judged
        // What speaks another protocol ends by itself.
        if (judged) this.#judged.delete(judged)
        if (facts) this.#ports.upgrade(request, { socket, head, facts })
        else socket.destroy()
      },
    }
    const headersTimeoutMs = options.headersTimeoutMs ?? CONNECTION_LIMITS.headersTimeoutMs
    this.#http1 = createHttp1(requests, { headersTimeoutMs })
    this.#http2 = createHttp2(requests, (session) => this.#onSession(session))
    this.#tls = new TlsServers({
      contextFor: (name) => this.#ports.contextFor(name),
      challengeFor: (name) => this.#ports.challengeFor(name),
      ticketSecret: this.#ports.ticketSecret,
      onSecure: (socket, raw) => this.#onSecure(socket, raw),
    })
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

  /** Without TLS and proxies there is nothing to look at first: connections are the HTTP server's own. */
  get #isBare(): boolean {
    return !this.#options.isTls && this.#options.proxyProtocol === 'none'
  }

  begin(): void {
    // A server that does not listen by itself does not look for slow senders either, until it is told.
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
    // A connection that answers its last request now becomes idle, and nobody would end it.
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
      // Ends the look for slow senders.
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
    if (!this.#isWelcome(connection, connection.source.address)) return void socket.destroy()
    this.#handOn(socket, connection, { scheme: 'http', serverName: undefined })
  }

  async #accept(socket: Socket): Promise<void> {
    const connection = this.#register(socket)
    connection.deadline = setTimeout(
      () => socket.destroy(),
      this.#options.handshakeTimeoutMs ?? CONNECTION_LIMITS.handshakeTimeoutMs,
    )
    socket.once('close', () => clearTimeout(connection.deadline))
    const isFromProxy =
      this.#options.proxyProtocol !== 'none' && this.#ports.isProxyTrusted(connection.source.address)
    // Connections of a proxy are counted by whom it speaks for, which is not known yet.
    if (!isFromProxy && !this.#isWelcome(connection, connection.source.address)) return void socket.destroy()
    if (isFromProxy && (this.#isCut || !(await this.#readSource(connection)))) return void socket.destroy()
    if (this.#options.isTls) return this.#acceptTls(connection)
    this.#handOn(socket, connection, { scheme: 'http', serverName: undefined })
    this.#http1.emit('connection', socket)
  }

  #register(raw: Socket): Connection {
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
    setConnection(raw, connection)
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

  async #acceptTls(connection: Connection): Promise<void> {
    const { raw } = connection
    const hello = await peek(raw, readClientHello)
    if (hello === undefined || hello.kind === 'malformed') return void raw.destroy()
    if (hello.kind !== 'hello') {
      // Somebody speaks plain HTTP here: an answer that says so helps more than a cut connection.
      return hello.kind === 'not-tls' && hello.isHttp ? refuse(raw, PLAIN_ON_TLS) : void raw.destroy()
    }
    const { protocols, supportsTls13 } = hello
    if (protocols.includes(ACME_TLS)) {
      if (hello.serverName === undefined || !this.#ports.challengeFor(hello.serverName))
        return refuse(raw, UNRECOGNIZED_NAME)
      return this.#tls.answerChallenge(raw)
    }
    // Addresses are never named (RFC 6066 section 3): the one that was connected to may be a host.
    const serverName = hello.serverName ?? this.#ports.hostAt(plainAddress(raw.localAddress))
    connection.helloName = serverName
    const how = this.#ports.tlsFor(serverName)
    const asksClients = how?.clients !== undefined
    const isFixed = hello.serverName === undefined || asksClients
    const context = isFixed ? this.#ports.contextFor(serverName) : undefined
    if (!how || (isFixed && !context)) return refuse(raw, UNRECOGNIZED_NAME)
    connection.clients = how.clients
    // The certificate for no name comes with a policy of its own, so that this much must be seen to here.
    if (context && how.policy === 'Mozilla-Modern' && !supportsTls13) return refuse(raw, PROTOCOL_VERSION)
    this.#tls.accept(raw, { ...how, context, asksClients })
  }

  #onSecure(socket: TLSSocket, raw: Socket | undefined): void {
    const connection = raw && connectionOf(raw)
    if (!connection) return void socket.destroy()
    const serverName = socket.servername ? toPlainHost(socket.servername) : connection.helloName
    const { clients } = connection
    const client = clients && readClientProof(socket, clients)
    if (clients) {
      const isCurrent = (): boolean => this.#ports.tlsFor(serverName)?.clients === clients
      connection.judged = this.#judged.add(socket, isCurrent)
    }
    this.#handOn(socket, connection, { scheme: 'https', serverName, client })
    const server = socket.alpnProtocol === 'h2' ? this.#http2 : this.#http1
    server.emit('connection', socket)
  }

  #onSession(session: ServerHttp2Session): void {
    if (this.#isStopping) return void session.close()
    const judged = connectionOf(session.socket)?.judged
    if (judged) judged.end = () => session.close()
    this.#sessions.add(session)
    session.once('close', () => this.#sessions.delete(session))
  }

  #handle(request: DoorRequest, response: DoorResponse): void {
    const facts = factsOf(request.socket)
    if (!facts) return void response.destroy()
    const judged = connectionOf(request.socket)?.judged
    if (judged) {
      judged.busy++
      response.once('close', () => judged.busy--)
    }
    if (this.#isStopping && request.httpVersionMajor === 1) response.setHeader('connection', 'close')
    this.#ports.handle(request, response, facts)
  }

  /** Tells handlers where a connection comes from. */
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
    setConnection(socket, connection)
    // Whoever looks at the socket itself is to see the same.
    if (plainAddress(raw.remoteAddress) === source.address && (raw.remotePort ?? 0) === source.port) return
    Object.defineProperty(socket, 'remoteAddress', { value: source.address, configurable: true })
    Object.defineProperty(socket, 'remotePort', { value: source.port, configurable: true })
  }
}

/** On sockets, where those of HTTP/2, which are proxies, show it too. */
const CONNECTION = Symbol('connection of the front door')

function setConnection(socket: Socket, connection: Connection): void {
  Object.defineProperty(socket, CONNECTION, { value: connection, configurable: true })
}

function connectionOf(socket: object): Connection | undefined {
  return (socket as { [CONNECTION]?: Connection })[CONNECTION]
}

/** Where a request comes from; a connection that asks something is new no more. */
function factsOf(socket: object): ConnectionFacts | undefined {
  const connection = connectionOf(socket)
  if (!connection) return undefined
  connection.isFresh = false
  return connection.facts
}

/** Says why and ends; what the client still sends is passed over, for otherwise it might never see the answer. */
function refuse(socket: Socket, answer: string | Buffer): void {
  socket.end(answer)
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('end', () => socket.destroySoon())
  socket.once('close', () => clearTimeout(timer))
}

function ignore(): void {}
