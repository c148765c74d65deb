import type { Limits } from '../access/limits.ts'

/** An account as lists show it, and as a request is made by it. */
export interface Account {
  /** Never given to another account, also not to a later one of the same name. */
  readonly id: string
  readonly name: string
  /** Names whose repositories, `<name>/**`, are its own. */
  readonly owns: readonly string[]
  readonly isAdmin: boolean
  readonly isDisabled: boolean
  /**
   * `database`: managed here; `htpasswd`: from the file, read only; `directory`: managed here, but its password and
   * groups are those of a person of the directory.
   */
  readonly source: 'database' | 'htpasswd' | 'directory'
  /** Groups of the directory at the last log-in; undefined: none. */
  readonly directoryGroups?: readonly string[] | undefined
  /** By default `user`. */
  readonly kind?: 'user' | 'robot' | undefined
  /** Names the secret or the trust by which it logged in; undefined: its password. */
  readonly credential?: string | undefined
  /** The most that it may do by that credential; undefined: all that the rules allow. */
  readonly limits?: Limits | undefined
  /** Of a robot: the id of the user with whose rights it acts, if it has an owner. */
  readonly actsFor?: string | undefined
  /** Time at which a log-in by this credential ends, in milliseconds since 1970; undefined: at no set time. */
  readonly endsAt?: number | undefined
  /** Grows with each change that must end log-ins. */
  readonly version: string
  readonly createdAt: Date | undefined
}

/** Checks credentials: the part of accounts that the HTTP side uses. */
export interface Authenticator {
  /**
   * The account if name and password are right and it is enabled. It is looked up once, when the call begins. In place of
   * the password a personal token, a robot's secret or an ID token that a robot trusts may be given; a `name` of undefined
   * stands for that of such a token's account, and fits no password.
   *
   * A wrong name costs as much time as a wrong password. Verified credentials are remembered for a short time as a
   * keyed hash and forgotten when the account changes, in this process or another. `remoteAddress` is the client's, as
   * text; for undefined or a loopback address failures are not counted by address. Errors: `AccountError`
   * `TOO_MANY_ATTEMPTS` if too many hash jobs wait, or this name or address failed too often of late; `TOKEN_REFUSED` for
   * a token that is not in force any more, or is another account's: its message is for the sender.
   */
  verifyPassword(
    name: string | undefined,
    password: string,
    remoteAddress?: string | undefined,
  ): Promise<Account | undefined>
  /**
   * The account if it exists and is enabled, and its `credential`, if there is one, is still in force: called for each
   * access token, so that disabling and revoking take effect at once.
   */
  findEnabled(
    name: string,
    credential?: string | undefined,
  ): Account | undefined | Promise<Account | undefined>
}

/** Manages the accounts of the database, for commands. */
export interface AccountManager {
  /**
   * Makes an account. It gets repositories that exist below its name only with `takeOver`.
   * Errors: `AccountError` `NAME_INVALID`, `ALREADY_EXISTS`, `NAME_TAKEN`, `PASSWORD_TOO_SHORT`, `PASSWORD_TOO_LONG`.
   */
  add(account: { name: string; password: string; isAdmin: boolean; takeOver?: boolean }): Promise<void>
  /** Errors: `AccountError` `UNKNOWN_ACCOUNT`, `DIRECTORY_ACCOUNT`, `PASSWORD_TOO_SHORT`, `PASSWORD_TOO_LONG`. */
  setPassword(name: string, password: string): Promise<void>
  /**
   * Removes an account with its log-ins and upload sessions. Its repositories stay, without an owner, or as those of
   * the account `giveTo`; that may be the line of an htpasswd file with the same name. Errors: `AccountError`
   * `UNKNOWN_ACCOUNT`, also for `giveTo`, `LAST_ADMIN`. @returns the repositories that stay.
   */
  remove(name: string, options?: { giveTo?: string | undefined }): Promise<OwnedRepositories>
  /** Repositories that an account of the database owns. Errors: `AccountError` `UNKNOWN_ACCOUNT`. */
  findRepositories(name: string): Promise<OwnedRepositories>
  /** Frees names of removed accounts that have no repository any more, also if they were given to an account. */
  releaseNames(names: readonly string[]): Promise<void>
  /** Errors: `AccountError` `UNKNOWN_ACCOUNT`, `LAST_ADMIN`. */
  setDisabled(name: string, isDisabled: boolean): Promise<void>
  /** All accounts, by name; those of the htpasswd files included. */
  list(): Promise<Account[]>
  /** True if no account exists yet in the database: first run. */
  isEmpty(): Promise<boolean>
}

/** Repositories of an account. */
export interface OwnedRepositories {
  readonly count: number
  /** Names that own them, `<name>/**`. */
  readonly owners: readonly string[]
  /** The first of them. */
  readonly names: readonly string[]
}

/** Reasons why an account could not be used or changed. */
type AccountErrorCode =
  | 'NAME_INVALID'
  | 'ALREADY_EXISTS'
  | 'NAME_TAKEN'
  | 'UNKNOWN_ACCOUNT'
  | 'PASSWORD_TOO_SHORT'
  | 'PASSWORD_TOO_LONG'
  | 'LAST_ADMIN'
  | 'TOO_MANY_ATTEMPTS'
  | 'DIRECTORY_UNREACHABLE'
  | 'DIRECTORY_ACCOUNT'
  | 'TOKEN_REFUSED'
  | 'TOKEN_UNKNOWN'
  | 'TOO_MANY_TOKENS'
  | 'ROBOT_UNKNOWN'
  | 'TRUST_INVALID'
  | 'TRUST_UNKNOWN'

/** A failure about an account; callers turn it into their own words or status. */
export class AccountError extends Error {
  override readonly name = 'AccountError'
  readonly code: AccountErrorCode
  /** Seconds after which to try again; set with `TOO_MANY_ATTEMPTS` and `DIRECTORY_UNREACHABLE`. */
  readonly retryAfterS: number | undefined

  constructor(code: AccountErrorCode, message: string, retryAfterS?: number) {
    super(message)
    this.code = code
    this.retryAfterS = retryAfterS
  }
}
