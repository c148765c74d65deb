import type { RegistryGrant, RepositoryAction } from './actions.ts'
import type { Limits } from './limits.ts'

/** Owner of a request. */
export type Principal = AnonymousPrincipal | AccountPrincipal

/** No account: no credentials, or an anonymous token. */
interface AnonymousPrincipal {
  readonly kind: 'anonymous'
  /** Grants of an anonymous token; only that of the list has an effect, as the others are everyone's. */
  readonly scopes?: readonly TokenScope[] | undefined
}

/** A person or machine with an account. */
export interface AccountPrincipal {
  readonly kind: 'user' | 'robot'
  /** Never given to another account, also not to a later one of the same name. */
  readonly id: string
  readonly name: string
  /** The account as rules and groups refer to it: {@link subjectOf}. */
  readonly subject: string
  /** Names of its groups in the directory that it comes from, at its last log-in; undefined: it comes from none. */
  readonly directoryGroups?: readonly string[] | undefined
  readonly isAdmin: boolean
  /**
   * Names whose repositories, `<name>/**`, belong to this account: its own, unless it belongs to another account, and
   * those that were given to it.
   */
  readonly owns: readonly string[]
  /**
   * The most that the credentials may do, in addition to all other conditions: a personal token or a robot's secret can
   * be narrower than its account. Undefined: all that the account may. Each is compared at each
   * request, so whoever keeps them keeps few.
   */
  readonly limits: Limits | undefined
  /** Grants of the bearer token; undefined for Basic credentials, which have all rights of the account. */
  readonly scopes: readonly TokenScope[] | undefined
}

/** A grant inside a token. */
export type TokenScope = RepositoryGrant | RegistryGrant

/** A grant of exactly this repository, exactly these actions. */
export interface RepositoryGrant {
  readonly repository: string
  readonly actions: readonly RepositoryAction[]
}

/** The principal without credentials. */
export const ANONYMOUS: AnonymousPrincipal = { kind: 'anonymous' }

/** Facts of an account that its rights depend on. */
interface RightsHolder {
  readonly id: string
  readonly name: string
  readonly isAdmin: boolean
  readonly owns: readonly string[]
  /** By default `user`. */
  readonly kind?: 'user' | 'robot' | undefined
  /** `htpasswd`: a line of a file; by default the database. */
  readonly source?: 'database' | 'htpasswd' | 'directory' | undefined
  /** Id of the user with whose rights a robot acts; rules about the robot itself then have no effect. */
  readonly actsFor?: string | undefined
  readonly limits?: Limits | undefined
  readonly directoryGroups?: readonly string[] | undefined
}

/** The principal of an account, with the grants of its token. */
export function accountPrincipal(holder: RightsHolder, scopes: AccountPrincipal['scopes']): AccountPrincipal {
  const { kind = 'user', id, name, isAdmin, owns, limits, directoryGroups } = holder
  return { kind, id, name, subject: subjectOf(holder), directoryGroups, isAdmin, owns, limits, scopes }
}

/**
 * The account as rules and groups refer to it: its id, which is never given again. A line of an htpasswd file has no id
 * that outlives a new password: rules refer to it by its name, and never to an account of the database by that.
 */
function subjectOf({ id, name, source, actsFor }: RightsHolder): string {
  return source === 'htpasswd' ? `htpasswd:${name}` : (actsFor ?? id)
}

/** Name of the account; that of no account has brackets, which no name has. */
export function nameOf(principal: Principal): string {
  return principal.kind === 'anonymous' ? '(anonymous)' : principal.name
}
