import type { RegistryGrant, RepositoryAction } from './actions.ts'

/** On whose behalf a request is made. */
export type Principal = AnonymousPrincipal | UserPrincipal

/** Nobody: no credentials, or an anonymous token. */
export interface AnonymousPrincipal {
  readonly kind: 'anonymous'
}

/** A person or machine with an account. */
export interface UserPrincipal {
  readonly kind: 'user'
  /** Never given to another account, also not to one that is made anew under the same name. */
  readonly id: string
  readonly name: string
  readonly isAdmin: boolean
  /** Names whose repositories, `<name>/**`, belong to this account: its own, unless it is another's, and those it was given. */
  readonly owns: readonly string[]
  /** What the bearer token shown was issued for; undefined for Basic credentials, which stand for all the account may do. */
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

/** The principal of an account, for what its token was issued for. */
export function userPrincipal(
  { id, name, isAdmin, owns }: Pick<UserPrincipal, 'id' | 'name' | 'isAdmin' | 'owns'>,
  scopes: UserPrincipal['scopes'],
): UserPrincipal {
  return { kind: 'user', id, name, isAdmin, owns, scopes }
}
