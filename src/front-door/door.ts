import type { SiteHandler } from './exchange/site-handler.ts'
import type { AnswerGate } from './listen/answer-gate.ts'
import type { DoorOptions } from './listen/door-ports.ts'
import type { TlsPolicyName } from './listen/tls-policy.ts'
import type { HostTable } from './sites/host-table.ts'
import type { CertificateSource, ChallengeSource } from './sites/ports.ts'
import type { Site } from './sites/site.ts'
import type { TlsFinder } from './sites/tls-finder.ts'
import type { Served } from './visit/served.ts'

/** What the front door is made of. */
export interface FrontDoorParts {
  readonly certificates: CertificateSource
  readonly challenges: ChallengeSource
  /** Where other ACME clients put their answers; it need not exist. undefined: there is no such folder. */
  readonly challengeFolder?: string
  readonly handler: SiteHandler
  /** Answers `/livez` and `/readyz` of hosts that are no site, and words what is answered where there is no request. */
  readonly served: Served
  /** Addresses (CIDR) whose `X-Forwarded-*` headers count. */
  readonly trustedProxies: readonly string[]
  /** Requests wait until it is open; undefined: they do not wait. */
  readonly gate?: AnswerGate
  /** Addresses (CIDR) that begin connections with a PROXY header. */
  readonly proxyProtocolFrom: readonly string[]
  /** Whether those addresses must do so on each connection; `optional` if undefined. */
  readonly proxyProtocol?: 'optional' | 'required'
  /** For hosts that do not say it, and for handshakes without a name. */
  readonly tlsPolicy: TlsPolicyName
  /** Port of visitors for TLS, where a host does not say it; 443 if undefined. */
  readonly externalHttpsPort?: number
  /** Port of visitors for plain HTTP, where a host does not say it; the one listened on if undefined. */
  readonly externalHttpPort?: number | undefined
  /** See {@link DoorOptions}; addresses of this machine and of trusted proxies are not counted. */
  readonly maxConnections?: number
  readonly maxConnectionsPerAddress?: number
  readonly newRequestId: () => string
  /** Where other processes take the same visitors' connections: what their tickets are made of. */
  readonly ticketSecret?: Uint8Array | undefined
  /** Is told of client certificates that are not taken, and why by OpenSSL's name of it. */
  readonly onClientRefused?: (refused: { host: string; remoteAddress: string; reason: string }) => void
  /** Is told what should never happen; the request gets 500. */
  readonly logFailure: (error: unknown) => void
}

/** The parts with what is made of them, and the table of the moment. */
export interface Door {
  readonly parts: FrontDoorParts
  readonly isTrusted: (address: string) => boolean
  readonly finder: TlsFinder
  readonly sites: () => HostTable<Site>
}
