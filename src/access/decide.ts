import { isRepositoryName, type RepositoryName } from '../oci/repository-name.ts'
import { isAccountName } from './account-name.ts'
import type { Principal, RegistryGrant, UserPrincipal } from './principal.ts'

/** What can be done to a repository. */
export type RepositoryAction = 'pull' | 'push' | 'delete'

/** What a decision is about. */
export type Demand =
  | {
      readonly kind: 'repository'
      readonly repository: RepositoryName
      readonly action: RepositoryAction
      /** Named as the source of a mount: where the account may pull it, the token must allow that, too. */
      readonly source?: RepositoryName | undefined
    }
  /** The list of repositories: every account may ask, each sees what it may pull. */
  | { readonly kind: 'catalog' }
  /** To look for the source of a mount in all that one may pull. */
  | { readonly kind: 'mount' }
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
 * Rules so far: an administrator may do all; a user owns `<name>/**` of the own name and of those that were given to
 * it; nobody else may see it. The repository `<name>`, without a slash, is nobody's: it sits beside the other names of the top level, which are the administrators'.
 */
export function decide(principal: Principal, demand: Demand): Decision {
  if (principal.kind === 'anonymous') return 'log-in'
  if (demand.kind === 'ping') return 'allow'
  if (demand.kind !== 'repository') return holdsGrant(principal, demand.kind) ? 'allow' : 'widen'
  const { repository, action, source } = demand
  if (!owns(principal, repository)) return 'deny'
  if (!holdsScope(principal, repository, action)) return 'widen'
  // A source one may not pull is no reason to refuse: the mount misses, as it does where there is none.
  const isCovered =
    !source ||
    !owns(principal, source) ||
    holdsGrant(principal, 'mount') ||
    holdsScope(principal, source, 'pull')
  return isCovered ? 'allow' : 'widen'
}

function owns(principal: UserPrincipal, repository: RepositoryName): boolean {
  return principal.isAdmin || ownedPrefixes(principal).some((prefix) => repository.startsWith(prefix))
}

/** Names below which an account may do everything; none for one whose name can own no repository. */
export function ownedNames({ owns }: UserPrincipal): readonly string[] {
  return owns.filter(isAccountName)
}

/** None for a name that is not one whole component, such as `alice/app` from an htpasswd file: it would reach into alice's. */
function ownedPrefixes(principal: UserPrincipal): readonly string[] {
  return ownedNames(principal).map((name) => `${name}/`)
}

function holdsGrant({ scopes }: UserPrincipal, grant: RegistryGrant): boolean {
  return !scopes || scopes.includes(grant)
}

function holdsScope({ scopes }: UserPrincipal, repository: string, action: RepositoryAction): boolean {
  if (!scopes) return true
  return scopes.some(
    (scope) => typeof scope !== 'string' && scope.repository === repository && scope.actions.includes(action),
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
  return principal.isAdmin ? 'all' : { prefixes: ownedPrefixes(principal) }
}

/**
 * The repositories in which the source of a mount is looked for: those of {@link visibleRepositories}, or with a token
 * that was not issued for that, those it may pull from.
 */
export function mountSources(principal: Principal): RepositoryScope | { readonly names: readonly string[] } {
  if (principal.kind === 'anonymous' || holdsGrant(principal, 'mount')) return visibleRepositories(principal)
  const named = (principal.scopes ?? []).map((scope) => (typeof scope === 'string' ? '' : scope.repository))
  return {
    names: named.filter(
      (name) =>
        isRepositoryName(name) &&
        decide(principal, { kind: 'repository', repository: name, action: 'pull' }) === 'allow',
    ),
  }
}
