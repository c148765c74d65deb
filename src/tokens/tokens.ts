import type { TokenScope } from '../access/principal.ts'

/** Claims of a verified access token. */
export interface AccessClaims {
  /** Account name; undefined for an anonymous token. */
  readonly subject: string | undefined
  readonly scopes: readonly TokenScope[]
  /** The account's version at the issue: another one ends the token. Undefined for an anonymous token. */
  readonly accountVersion?: string
  /** The secret or trust by which the account logged in; undefined: its password. */
  readonly credential?: string
}

/** An access token in the answer of the token endpoint. */
export interface IssuedToken {
  readonly token: string
  readonly expiresInS: number
  readonly issuedAt: Date
}

/** Issues and verifies access tokens (JWT, ES256, this registry as issuer and audience). */
export interface TokenService {
  /** The `service` of the challenge and `aud` of each token. */
  readonly service: string
  issue(claims: AccessClaims): Promise<IssuedToken>
  /**
   * The claims of a token this registry issued and that is in force; undefined for any other. Only ES256 with a key of
   * this registry counts: `jwk`, `jku`, `x5c`, `x5u` and other algorithms in a header are ignored (CVE-2025-24976).
   * Recently verified tokens are remembered until they expire, in a bounded cache.
   */
  verify(token: string): AccessClaims | undefined | Promise<AccessClaims | undefined>
  /** The public keys, as a JWK Set (RFC 7517). */
  publicKeys(): Promise<{ keys: Record<string, unknown>[] }>
}

/** An account, as far as tokens depend on it. */
export interface TokenOwner {
  readonly name: string
  /** A changed version ends the tokens issued before. */
  readonly version: string
  /** The secret or trust by which it logged in; undefined: its password. */
  readonly credential?: string | undefined
  /** Time at which log-ins by that credential end, in milliseconds since 1970; undefined: at no set time. */
  readonly endsAt?: number | undefined
}

/** Issues and redeems refresh tokens, which `docker login` keeps instead of the password. `A`: an account. */
export interface RefreshTokenService<A extends TokenOwner> {
  issue(owner: TokenOwner, clientId: string): Promise<string>
  /**
   * The owner if the token is in force and the account is enabled and unchanged since, and the token that follows it;
   * undefined otherwise. A token counts until its successor is used, and for a while beyond that; after that its use is
   * by an old copy, or a thief, and the log-in ends (RFC 9700, 4.14.2).
   */
  redeem(token: string): Promise<{ readonly owner: A; readonly successor: string } | undefined>
}

/** A log-in that a refresh token stands for, in a list. */
interface LogIn {
  readonly id: string
  /** The client's name for itself. */
  readonly client: string
  readonly createdAt: Date
  /** To within an hour; undefined: never. */
  readonly usedAt: Date | undefined
  readonly expiresAt: Date
}

/** Log-ins of accounts, for the operator. */
export interface LogInManager {
  /** Those of an account that are in force, the newest first. */
  list(name: string): Promise<LogIn[]>
  /** Ends one, or all, of an account; returns their number. Access tokens issued before live on to their end. */
  end(name: string, id?: string): Promise<number>
}
