import { Socket } from 'node:net'
import { createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls'
import { toPlainHost } from '../../visit/address/host-name.ts'
import { CONNECTION_LIMITS } from '../http/limits/connection-limits.ts'
import { readInPieces } from '../sockets/read-in-pieces.ts'
import { deriveTicketKeys } from './derive-ticket-keys.ts'
import type { TlsPolicyName } from './tls-policy.ts'
import { toTlsOptions } from './tls-policy.ts'

/** Protocol of the challenge of RFC 8737. */
export const ACME_TLS = 'acme-tls/1'

/** TLS settings of a connection. */
interface Encryption {
  readonly policy: TlsPolicyName
  /** True if HTTP/2 is offered beside HTTP/1.1. */
  readonly http2: boolean
  /** For a handshake without a name, or with a client certificate: the context, and no other. */
  readonly context: SecureContext | undefined
  /** True if a client certificate is requested, which `context` then checks. */
  readonly requestsClients: boolean
  /** `context` is for any name: none is looked up. */
  readonly isForAnyName?: boolean
}

/** Dependencies of TLS servers. */
interface TlsPorts {
  contextFor(serverName: string): SecureContext | undefined
  challengeFor(serverName: string): SecureContext | undefined
  /** Secret of the session tickets, the same in all processes that serve the same visitors. */
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

  /** Begins the handshake. Bytes read from the connection must have been put back. */
  accept(socket: Socket, encryption: Encryption): void {
    readInPieces(socket)
    this.#ensureServer(encryption).emit('connection', socket)
  }

  /** Serves the challenge's certificate and ends the connection: the check consists of the handshake alone. */
  answerChallenge(socket: Socket): void {
    this.#challenge ??= createTlsServer({
      ALPNProtocols: [ACME_TLS],
      SNICallback: this.#callback((name) => this.#ports.challengeFor(name)),
    }).on('secureConnection', (secure) => secure.on('error', ignore).resume().end())
    this.#challenge.emit('connection', socket)
  }

  #ensureServer({ policy, http2, context, requestsClients, isForAnyName = false }: Encryption): Server {
    const key = `${policy} ${http2} ${requestsClients}`
    const servers = context === undefined ? this.#byPolicy : this.#ensureServers(context)
    const known = servers.get(key)
    if (known) return known
    const server = createTlsServer({
      ...toTlsOptions(policy),
      ALPNProtocols: http2 ? ['h2', 'http/1.1', 'http/1.0'] : ['http/1.1', 'http/1.0'],
      // The handshake's context reports the client certificate: it must not be replaced meanwhile.
      ...(requestsClients
        ? { requestCert: true, rejectUnauthorized: false }
        : {
            ...(!isForAnyName && { SNICallback: this.#callback((name) => this.#ports.contextFor(name)) }),
            ...deriveTicketKeys(this.#ports.ticketSecret, key),
          }),
    })
    // Node requests no certificate if a client names no host: it uses the server's own context, which can be given as
    // PEM only. This member holds it.
    if (context) Object.assign(server, { _sharedCreds: context })
    server.on('secureConnection', (socket) => this.#ports.onSecure(socket, rawSocketOf(socket)))
    servers.set(key, server)
    return server
  }

  #ensureServers(context: SecureContext): Map<string, Server> {
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

/** The connection below, which Node does not expose. */
function rawSocketOf(socket: TLSSocket): Socket | undefined {
  const { _parent: raw } = socket as { _parent?: unknown }
  return raw instanceof Socket ? raw : undefined
}

function ignore(): void {}
