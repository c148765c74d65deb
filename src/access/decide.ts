import type { RepositoryName } from '../oci/repository-name.ts'
import { isAccountName } from './account-name.ts'
import type { Principal, UserPrincipal } from './principal.ts'

/** What can be done to a repository. */
export type RepositoryAction = 'pull' | 'push' | 'delete'

/** What a decision is about. */
export type Demand =
  | { readonly kind: 'repository'; readonly repository: RepositoryName; readonly action: RepositoryAction }
  /** The list of repositories: every account may ask, each sees what it may pull. */
  | { readonly kind: 'catalog' }
  /** The answer that the registry is one, which doubles as the check of a log-in. */
  | { readonly kind: 'ping' }

/**
 * - `allow`.
 * - `deny`: this principal may not, whatever token it holds.
 * - `log-in`: nobody is known, so credentials may change the answer.
 * - `widen`: the person may, but the token shown was not issued for it.
 */
export type Decision = 'allow' | 'deny' | 'log-in' | 'widen'

/**
 * The one decision of who may do what; whatever is not allowed here is denied.
 *
 * It looks only at names, never at what exists, so a missing and a forbidden repository answer alike.
 * Rules so far: an administrator may do all; a user owns `<user>/**`; nobody else may see it. The repository `<user>`,
 * without a slash, is nobody's: it sits beside the other names of the top level, which are the administrators'.
 */
export function decide(principal: Principal, demand: Demand): Decision {
  if (principal.kind === 'anonymous') return 'log-in'
  if (demand.kind === 'ping') return 'allow'
  if (demand.kind === 'repository' && !owns(principal, demand.repository)) return 'deny'
  return holdsScope(principal, demand) ? 'allow' : 'widen'
}

function owns(principal: UserPrincipal, repository: RepositoryName): boolean {
  return principal.isAdmin || ownedPrefixes(principal.name).some((prefix) => repository.startsWith(prefix))
}

/** None for a name that is not one whole component, such as `alice/app` from an htpasswd file: it would reach into alice's. */
function ownedPrefixes(name: string): readonly string[] {
  return isAccountName(name) ? [`${name}/`] : []
}

function holdsScope({ scopes }: UserPrincipal, demand: Exclude<Demand, { kind: 'ping' }>): boolean {
  if (!scopes) return true
  if (demand.kind === 'catalog') return scopes.includes('catalog')
  const { repository, action } = demand
  return scopes.some(
    (scope) => scope !== 'catalog' && scope.repository === repository && scope.actions.includes(action),
  )
}

/** Which repositories a principal may pull from: all, or those below the prefixes (each ends in a slash). */
export type RepositoryScope = 'all' | { readonly prefixes: readonly string[] }

/**
 * The repositories that {@link decide} lets this account pull from, as a filter for lists of names.
 * A token's scopes do not narrow it: one for the catalog lists all that its account may pull.
 */
export function visibleRepositories(principal: Principal): RepositoryScope {
  if (principal.kind === 'anonymous') return { prefixes: [] }
  return principal.isAdmin ? 'all' : { prefixes: ownedPrefixes(principal.name) }
}
