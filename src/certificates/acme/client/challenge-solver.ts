/** Ways to prove control over a name (RFC 8555 section 8, RFC 8737). */
export type ChallengeType = 'http-01' | 'tls-alpn-01' | 'dns-01'

/** An open challenge of the CA for one name. */
interface OpenChallenge {
  /** DNS name without `*.`, or address. */
  readonly name: string
  readonly token: string
  /** Token and thumbprint of the account's key (RFC 8555 section 8.1). */
  readonly keyAuthorization: string
}

/** Answers one kind of challenge. */
export interface ChallengeSolver {
  readonly type: ChallengeType
  /** True if a name can be proved this way at all. */
  fits(name: string, isWildcard: boolean): boolean
  /** Publishes the answer for the CA; disposing removes it. Errors: `ACME_DNS_FAILED`. */
  present(challenge: OpenChallenge, signal: AbortSignal | undefined): Promise<AsyncDisposable>
}
