import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { plainAddress } from '../visit/address/network-address.ts'
import type { ClientAuthority } from '../visit/client-proof.ts'
import type { DoorPorts } from './door-ports.ts'
import { readClientHello } from './sockets/client-hello.ts'
import { peek } from './sockets/peek.ts'
import { PLAIN_ON_TLS, PROTOCOL_VERSION, refuse, UNRECOGNIZED_NAME } from './sockets/refuse-connection.ts'
import { ACME_TLS, TlsServers } from './tls/tls-servers.ts'

/** Reading of the first bytes of a connection. */
export interface HelloFacts {
  /** The name, or the address that is the host: the TLS stack does not report it for a resumed session. */
  readonly helloName: string | undefined
  /** The CAs that judge the client in its handshake; undefined: none is requested. */
  readonly clients: ClientAuthority | undefined
}

/**
 * Accepts connections of a port that speaks TLS: reads their first bytes, then passes each to the server of its policy.
 */
export interface TlsEntrance {
  /** Begins TLS, or refuses it. `note` is called before the handshake. */
  accept(raw: Socket, note: (facts: HelloFacts) => void): Promise<void>
}

/** Creates an entrance. `onSecure` gets each connection whose handshake is done, with the one below it. */
export function createTlsEntrance(
  ports: DoorPorts,
  onSecure: (socket: TLSSocket, raw: Socket | undefined) => void,
): TlsEntrance {
  const servers = new TlsServers({
    contextFor: (name) => ports.contextFor(name),
    challengeFor: (name) => ports.challengeFor(name),
    ticketSecret: ports.ticketSecret,
    onSecure,
  })
  return { accept: (raw, note) => enter(raw, { ports, servers, note }) }
}

interface Entering {
  readonly ports: DoorPorts
  readonly servers: TlsServers
  readonly note: (facts: HelloFacts) => void
}

async function enter(raw: Socket, { ports, servers, note }: Entering): Promise<void> {
  const hello = await peek(raw, readClientHello)
  if (hello === undefined || hello.kind === 'malformed') return void raw.destroy()
  if (hello.kind !== 'hello') {
    // The client speaks plain HTTP: an answer that explains it helps more than a cut connection.
    return hello.kind === 'not-tls' && hello.isHttp ? refuse(raw, PLAIN_ON_TLS) : void raw.destroy()
  }
  const { protocols, supportsTls13 } = hello
  if (protocols.includes(ACME_TLS)) {
    if (hello.serverName === undefined || !ports.challengeFor(hello.serverName))
      return refuse(raw, UNRECOGNIZED_NAME)
    return servers.answerChallenge(raw)
  }
  // Addresses are never named (RFC 6066 section 3): the one that was connected to may be a host.
  const helloName = hello.serverName ?? ports.hostAt(plainAddress(raw.localAddress))
  const how = ports.tlsFor(helloName)
  const requestsClients = how?.clients !== undefined
  const isFixed = hello.serverName === undefined || requestsClients || how?.isForAnyName === true
  const context = isFixed ? ports.contextFor(helloName) : undefined
  if (!how || (isFixed && !context)) return refuse(raw, UNRECOGNIZED_NAME)
  // The certificate for no name comes with a policy of its own, so that this much must be checked here.
  if (context && how.policy === 'Mozilla-Modern' && !supportsTls13) return refuse(raw, PROTOCOL_VERSION)
  note({ helloName, clients: how.clients })
  servers.accept(raw, { ...how, context, requestsClients: requestsClients })
}
