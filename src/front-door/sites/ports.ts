import type { SecureContext } from 'node:tls'
import type { TlsPolicyName } from '../listen/tls/tls-policy.ts'
import type { RequestRate } from '../vhost/settings/settings.ts'
import type { ClientAuthority } from '../visit/client-proof.ts'

/** Certificates for the listeners. */
export interface CertificateSource {
  /**
   * The context for a name; no name: the default certificate. `certificateName` selects that pair alone; otherwise the
   * rules of the certificate folder apply, without the default certificate if `isDefaultTrusted` is false. `isSite` is
   * false for a name that no site has: it gets a default certificate only, trusted or not. With `clients` the context
   * checks clients against these CAs, and is no other host's. The same pair and CAs give the same context. Cheap enough
   * for every handshake and request.
   * @returns undefined if there is no certificate that fits: the handshake is refused.
   */
  find(
    serverName: string | undefined,
    options: {
      certificateName: string | undefined
      isDefaultTrusted: boolean
      policy: TlsPolicyName
      isSite: boolean
      clients?: ClientAuthority | undefined
    },
  ): SecureContext | undefined
  /** CAs for the clients of a declared host; or the reason why they are not known. Undefined: there are none. */
  findClients(
    host: string,
  ):
    | { readonly authority: ClientAuthority; readonly problem?: undefined }
    | { readonly authority?: undefined; readonly problem: string; readonly remedy: string }
    | undefined
}

/** Answers to the challenges of a CA, for any host. */
export interface ChallengeSource {
  /** The key authorization for a token of `/.well-known/acme-challenge/` (RFC 8555 section 8.3). */
  httpAnswer(token: string): string | undefined
  /** The certificate for a handshake with `acme-tls/1` (RFC 8737). */
  alpnContext(serverName: string): SecureContext | undefined
}

/** Result of a password check: `no-file` is answered with 403, `unreadable` with 500, as nginx does. */
export type PasswordVerdict =
  | { readonly kind: 'right' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'no-file' }
  | { readonly kind: 'unreadable'; readonly reason: string }
  | { readonly kind: 'busy'; readonly retryAfterS: number }

/** Checks a password against an htpasswd file. */
export interface PasswordChecker {
  check(file: string, user: string, password: string, remoteAddress: string): Promise<PasswordVerdict>
}

/** Decision of a limit about a request. */
export type LimitVerdict =
  | { readonly kind: 'pass'; readonly release: () => void }
  /** Wait so long, then pass. */
  | { readonly kind: 'wait'; readonly ms: number; readonly release: () => void }
  | { readonly kind: 'refuse'; readonly status: number; readonly zone: string }

/** A request in the form for zones: plain values, so that another process can count it. */
export interface LimitedRequest {
  readonly connections: readonly {
    readonly zone: string
    readonly key: string
    readonly max: number
    readonly status: number
  }[]
  readonly rates: readonly (Omit<RequestRate, 'key'> & { readonly key: string })[]
}

/** Counts requests; `release` must be called when the request is over. */
export interface LimitGate {
  enter(request: LimitedRequest): LimitVerdict | Promise<LimitVerdict>
}
