import type { SecureContext } from 'node:tls'
import type { TlsPolicyName } from '../listen/tls-policy.ts'
import type { RequestRate } from '../vhost/settings/settings.ts'
import type { ClientAuthority } from '../visit/client-proof.ts'

/** Certificates, as the listeners ask for them. */
export interface CertificateSource {
  /**
   * The context to serve a name with; no name: the default certificate. `certificateName` asks for that pair alone;
   * otherwise the rules of the certificate folder hold, without the default certificate if `isDefaultTrusted` is false.
   * `isSite` is false for a name that no site has: only a default certificate is for those, and trust is no matter
   * there. With `clients` the context judges clients by these CAs, and is no other host's. The same pair and CAs give the
   * same context. Cheap enough for every handshake and request.
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
  /**
   * By whom clients of a host, as it was declared, are to be vouched for; or why that cannot be said. undefined: nothing
   * is there to judge them by.
   */
  clientsOf(
    host: string,
  ):
    | { readonly authority: ClientAuthority; readonly problem?: undefined }
    | { readonly authority?: undefined; readonly problem: string; readonly remedy: string }
    | undefined
}

/** Answers to the questions of a CA, whatever host they come for. */
export interface ChallengeSource {
  /** The key authorization for a token of `/.well-known/acme-challenge/` (RFC 8555 section 8.3). */
  httpAnswer(token: string): string | undefined
  /** The certificate for a handshake with `acme-tls/1` (RFC 8737). */
  alpnContext(serverName: string): SecureContext | undefined
}

/** What came of a password: `no-file` is answered with 403, `unreadable` with 500, as nginx does. */
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

/** What a limit says of a request. */
export type LimitVerdict =
  | { readonly kind: 'pass'; readonly release: () => void }
  /** Wait so long, then pass. */
  | { readonly kind: 'wait'; readonly ms: number; readonly release: () => void }
  | { readonly kind: 'refuse'; readonly status: number; readonly zone: string }

/** A request as the zones count it: plain values, so that another process can count it. */
export interface LimitedRequest {
  readonly connections: readonly {
    readonly zone: string
    readonly key: string
    readonly max: number
    readonly status: number
  }[]
  readonly rates: readonly (Omit<RequestRate, 'key'> & { readonly key: string })[]
}

/** Counts requests; `release` is to be called when the request is over. */
export interface LimitGate {
  enter(request: LimitedRequest): LimitVerdict | Promise<LimitVerdict>
}
