import type { RegistryGrant, RepositoryAction } from './actions.ts'

/** Owner of a request. */
export type Principal = AnonymousPrincipal | UserPrincipal

/** No account: no credentials, or an anonymous token. */
interface AnonymousPrincipal {
  readonly kind: 'anonymous'
}

/** A person or machine with an account. */
export interface UserPrincipal {
  readonly kind: 'user'
  /** Never given to another account, also not to a later one of the same name. */
  readonly id: string
  readonly name: string
  readonly isAdmin: boolean
  /**
   * Names whose repositories, `<name>/**`, belong to this account: its own, unless it belongs to another account, and
   * those that were given to it.
   */
  readonly owns: readonly string[]
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

/** The principal of an account, with the grants of its token. */
export function userPrincipal(
  { id, name, isAdmin, owns }: Pick<UserPrincipal, 'id' | 'name' | 'isAdmin' | 'owns'>,
  scopes: UserPrincipal['scopes'],
): UserPrincipal {
  return { kind: 'user', id, name, isAdmin, owns, scopes }
}
