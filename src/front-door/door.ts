import type { BeginTrace } from '../traces/request-trace.ts'
import type { SiteHandler } from './exchange/site-handler.ts'
import type { AnswerGate } from './listen/answer-gate.ts'
import type { DoorOptions } from './listen/door-ports.ts'
import type { AnswerHolds } from './listen/http/limits/answer-holds.ts'
import type { TlsPolicyName } from './listen/tls/tls-policy.ts'
import type { HostTable } from './sites/host-table.ts'
import type { CertificateSource, ChallengeSource } from './sites/ports.ts'
import type { Site } from './sites/site.ts'
import type { TlsFinder } from './sites/tls-finder.ts'
import type { Served } from './visit/served.ts'

/** Dependencies and settings of the front door. */
export interface FrontDoorParts {
  readonly certificates: CertificateSource
  readonly challenges: ChallengeSource
  /** Folder of other ACME clients' answers; it need not exist. Undefined: none. */
  readonly challengeFolder?: string
  readonly handler: SiteHandler
  /** Those of the handler: answers are counted from the moment their streams are opened. */
  readonly holds: AnswerHolds
  /** Answers `/livez`, `/startupz` and `/readyz` of hosts that are no site, and words what is answered where there is no request. */
  readonly served: Served
  /** Addresses (CIDR) whose `X-Forwarded-*` headers count. */
  readonly trustedProxies: readonly string[]
  /** Requests wait until it is open; undefined: they do not wait. */
  readonly gate?: AnswerGate
  /** Addresses (CIDR) that begin connections with a PROXY header. */
  readonly proxyProtocolFrom: readonly string[]
  /** `required`: those addresses must do so on each connection; `optional` if undefined. */
  readonly proxyProtocol?: 'optional' | 'required'
  /** For hosts without a setting, and for handshakes without a name. */
  readonly tlsPolicy: TlsPolicyName
  /** Port of visitors for TLS, for hosts without a setting; 443 if undefined. */
  readonly externalHttpsPort?: number
  /** Port of visitors for plain HTTP, for hosts without a setting; the one listened on if undefined. */
  readonly externalHttpPort?: number | undefined
  /** See {@link DoorOptions}; addresses of this machine and of trusted proxies are not counted. */
  readonly maxConnections?: number
  readonly maxConnectionsPerAddress?: number
  readonly newRequestId: () => string
  /** Undefined: nothing is traced. */
  readonly beginTrace?: BeginTrace | undefined
  /** Secret of the session tickets, the same in all processes that serve the same visitors. */
  readonly ticketSecret?: Uint8Array | undefined
  /** Called for refused client certificates, with OpenSSL's name of the reason. */
  readonly onClientRefused?: (refused: { host: string; remoteAddress: string; reason: string }) => void
  /** Called with errors that should never happen; the request gets 500. */
  readonly logFailure: (error: unknown) => void
}

/** The parts, those made of them, and the current table. */
export interface Door {
  readonly parts: FrontDoorParts
  readonly isTrusted: (address: string) => boolean
  readonly finder: TlsFinder
  readonly sites: () => HostTable<Site>
}
