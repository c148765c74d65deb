import { Socket } from 'node:net'
import { createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls'
import { toPlainHost } from '../visit/host-name.ts'
import { CONNECTION_LIMITS } from './connection-limits.ts'
import { readInPieces } from './read-in-pieces.ts'
import { ticketKeysOf } from './ticket-keys.ts'
import type { TlsPolicyName } from './tls-policy.ts'
import { tlsOptionsOf } from './tls-policy.ts'

/** Protocol of the challenge of RFC 8737. */
export const ACME_TLS = 'acme-tls/1'

/** How a connection is to be encrypted. */
interface Encryption {
  readonly policy: TlsPolicyName
  /** Whether HTTP/2 is offered beside HTTP/1.1. */
  readonly http2: boolean
  /** For a handshake that names no host, or asks for the client's certificate: the context, and no other. */
  readonly context: SecureContext | undefined
  /** Whether the client is asked for a certificate, which `context` then judges. */
  readonly asksClients: boolean
  /** `context` is for any name: none is looked up. */
  readonly isForAnyName?: boolean
}

/** What TLS servers ask. */
interface TlsPorts {
  contextFor(serverName: string): SecureContext | undefined
  challengeFor(serverName: string): SecureContext | undefined
  /** Where other processes take the same visitors' connections: what their tickets are made of. */
  readonly ticketSecret: Uint8Array | undefined
  /** The handshake is done; `raw` is the connection below it. */
  onSecure(socket: TLSSocket, raw: Socket | undefined): void
}

/**
 * TLS for connections that were accepted elsewhere: a server for each policy, made when the first connection needs
 * it, none of which listens. Encryption works on the connection's own handle, no byte passes through JavaScript.
 */
export class TlsServers {
  readonly #ports: TlsPorts
  readonly #byPolicy = new Map<string, Server>()
  readonly #byContext = new WeakMap<SecureContext, Map<string, Server>>()
  #challenge: Server | undefined

  constructor(ports: TlsPorts) {
    this.#ports = ports
  }

  /** Begins the handshake. What was read of the connection must have been put back. */
  accept(socket: Socket, encryption: Encryption): void {
    readInPieces(socket)
    this.#serverOf(encryption).emit('connection', socket)
  }

  /** Shows the challenge's certificate and ends the connection: the handshake is all there is to it. */
  answerChallenge(socket: Socket): void {
    this.#challenge ??= createTlsServer({
      ALPNProtocols: [ACME_TLS],
      SNICallback: this.#callback((name) => this.#ports.challengeFor(name)),
    }).on('secureConnection', (secure) => secure.on('error', ignore).resume().end())
    this.#challenge.emit('connection', socket)
  }

  #serverOf({ policy, http2, context, asksClients, isForAnyName = false }: Encryption): Server {
    const key = `${policy} ${http2} ${asksClients}`
    const servers = context === undefined ? this.#byPolicy : this.#serversOf(context)
    const known = servers.get(key)
    if (known) return known
    const server = createTlsServer({
      ...tlsOptionsOf(policy),
      ALPNProtocols: http2 ? ['h2', 'http/1.1', 'http/1.0'] : ['http/1.1', 'http/1.0'],
      // What was found out about a client is told of by the handshake's context: none may take its place meanwhile.
      ...(asksClients
        ? { requestCert: true, rejectUnauthorized: false }
        : {
            ...(!isForAnyName && { SNICallback: this.#callback((name) => this.#ports.contextFor(name)) }),
            ...ticketKeysOf(this.#ports.ticketSecret, key),
          }),
    })
    // Node asks for no certificate where a client names no host: it takes the server's own, which can be given as PEM
    // only. This is where it keeps it.
    if (context) Object.assign(server, { _sharedCreds: context })
    server.on('secureConnection', (socket) => this.#ports.onSecure(socket, rawOf(socket)))
    servers.set(key, server)
    return server
  }

  #serversOf(context: SecureContext): Map<string, Server> {
    const servers = this.#byContext.get(context) ?? new Map<string, Server>()
    this.#byContext.set(context, servers)
    return servers
  }

  #callback(find: (name: string) => SecureContext | undefined) {
    return (name: string, done: (error: Error | null, context?: SecureContext) => void): void => {
      const host = toPlainHost(name)
      const context = host === undefined ? undefined : find(host)
      if (context) done(null, context)
      else done(new Error('There is no certificate for this name'))
    }
  }
}

function createTlsServer(options: object): Server {
  return createServer({ handshakeTimeout: CONNECTION_LIMITS.handshakeTimeoutMs, ...options }).on(
    'tlsClientError',
    (_error, socket) => socket.destroy(),
  )
}

/** The connection below, which Node knows but tells nobody. */
function rawOf(socket: TLSSocket): Socket | undefined {
  const { _parent: raw } = socket as { _parent?: unknown }
  return raw instanceof Socket ? raw : undefined
}

function ignore(): void {}
