import type { Limits } from '../access/limits.ts'

/** A secret that was just made; it can be shown this once only. */
export interface NewSecret {
  readonly id: string
  readonly secret: string
  readonly expiresAt: Date | undefined
}

/** A personal token in a list: a secret of a user. */
export interface PersonalToken {
  readonly id: string
  /** Unique among the tokens of its user. */
  readonly name: string
  readonly user: string
  readonly limits: Limits | undefined
  readonly createdAt: Date
  readonly expiresAt: Date | undefined
  /** Undefined: it was not rotated. */
  readonly rotatedAt: Date | undefined
  /** Time until which the secret from before the last rotation counts; undefined: it does not. */
  readonly previousUntil: Date | undefined
  /** To within a quarter of an hour; undefined: never. */
  readonly usedAt: Date | undefined
  readonly usedFrom: string | undefined
}

/** Manages personal tokens. A change counts at the next request, in all processes and nodes. */
export interface TokenManager {
  /**
   * Makes a token. Errors: `AccountError` `UNKNOWN_ACCOUNT`, also for an account of an htpasswd file, `NAME_INVALID`,
   * `ALREADY_EXISTS`, `TOO_MANY_TOKENS`.
   */
  create(token: {
    user: string
    name: string
    limits?: Limits | undefined
    expiresAt?: Date | undefined
  }): Promise<NewSecret>
  /** All tokens, or those of one user, expired ones included, by user and name. */
  list(user?: string | undefined): Promise<PersonalToken[]>
  /**
   * Ends a token and the log-ins made with it. Errors: `AccountError` `TOKEN_UNKNOWN`.
   * @param token Its name or its id.
   */
  revoke(user: string, token: string): Promise<void>
  /**
   * Replaces the secret of a token; the one so far counts for `overlapMs` more. One from before an earlier rotation ends
   * at once. Errors: `AccountError` `TOKEN_UNKNOWN`.
   */
  rotate(user: string, token: string, rotation: Rotation): Promise<NewSecret>
}

/** Choices at the rotation of a secret. */
interface Rotation {
  readonly overlapMs: number
  /** The end of the secret from now on; undefined: it stays as it is. */
  readonly expiresAt?: Date | undefined
}

/** A robot in a list. */
export interface Robot {
  readonly name: string
  readonly description: string
  /** Name of the user with whose rights it acts; undefined: it acts by rules about itself. */
  readonly owner: string | undefined
  readonly limits: Limits | undefined
  readonly isDisabled: boolean
  readonly createdAt: Date
  /** Undefined: it has no secret, and logs in by its trusts alone. */
  readonly secret: Omit<PersonalToken, 'name' | 'user' | 'limits'> | undefined
  readonly trusts: readonly Trust[]
}

/** ID tokens of an issuer by which a robot logs in without a secret. */
export interface Trust {
  /** Unique among those of the robot. */
  readonly name: string
  /** The claim `iss`, exactly; an `https://` address. */
  readonly issuer: string
  /** The claim `aud`; undefined: one of the names of this registry. */
  readonly audience: string | undefined
  /**
   * Values by the name of the claim; `*` in a value stands for any characters but `/` and `:`, `**` for any. All must hold.
   * A claim within another one is named by a path, such as `kubernetes.io/namespace`.
   */
  readonly requiredClaims: Readonly<Record<string, string>>
  /** PEM of the authorities of the issuer's TLS certificate; undefined: those of the system. */
  readonly ca: string | undefined
  /** JWK Set of the issuer, JSON; undefined: it is fetched from the issuer. */
  readonly jwks: string | undefined
}

/** Manages robots: accounts of machines. A change counts at the next request, in all processes and nodes. */
export interface RobotManager {
  /**
   * Makes a robot, with a secret unless it is to log in by trusts alone. Errors: `AccountError` `NAME_INVALID`,
   * `ALREADY_EXISTS`, also for the name of a user, `UNKNOWN_ACCOUNT` for its owner.
   */
  create(robot: {
    name: string
    description?: string | undefined
    owner?: string | undefined
    limits?: Limits | undefined
    hasSecret: boolean
    expiresAt?: Date | undefined
  }): Promise<NewSecret | undefined>
  /** All robots, by name. */
  list(): Promise<Robot[]>
  /** Errors: `AccountError` `ROBOT_UNKNOWN`. */
  setDisabled(name: string, isDisabled: boolean): Promise<void>
  /** Replaces its secret, as {@link TokenManager.rotate}, or makes its first one. Errors: `AccountError` `ROBOT_UNKNOWN`. */
  rotate(name: string, rotation: Rotation): Promise<NewSecret>
  /** Removes a robot with its secret, its log-ins and its uploads under way. Errors: `AccountError` `ROBOT_UNKNOWN`. */
  remove(name: string): Promise<void>
  /** Adds a trust, or replaces the one of this name. Errors: `AccountError` `ROBOT_UNKNOWN`, `NAME_INVALID`, `TRUST_INVALID`, `TOO_MANY_TOKENS`. */
  trust(name: string, trust: Trust): Promise<void>
  /** Ends a trust and the log-ins by it. Errors: `AccountError` `ROBOT_UNKNOWN`, `TRUST_UNKNOWN`. */
  distrust(name: string, trust: string): Promise<void>
}
