import { isRepositoryName, type RepositoryName } from '../oci/repository-name.ts'
import type { RegistryAction, RegistryGrant, RepositoryAction } from './actions.ts'
import type { Principal, UserPrincipal } from './principal.ts'
import { type AccessRules, findScope, isRegistryActionAllowed, type RepositoryScope } from './rules.ts'

/** What a decision is about. */
export type Demand =
  | {
      readonly kind: 'repository'
      readonly repository: RepositoryName
      readonly action: RepositoryAction
      /** Named as the source of a mount: where the account may pull it, the token must allow that, too. */
      readonly source?: RepositoryName | undefined
    }
  /** `catalog` lists the repositories that one may pull, `mount` looks in all of them for the source of a mount. */
  | { readonly kind: RegistryAction }

/**
 * - `allow`.
 * - `deny`: this principal may not, whatever token it holds.
 * - `log-in`: nobody is known, so credentials may change the answer.
 * - `widen`: the person may, but the token shown was not issued for it.
 */
export type Decision = 'allow' | 'deny' | 'log-in' | 'widen'

/**
 * The one decision of who may do what: whatever no rule allows is denied, and a token narrows what rules allow. It looks
 * only at names, never at what exists, so a missing and a forbidden repository answer alike.
 */
export function decide(principal: Principal, demand: Demand, rules: AccessRules): Decision {
  // No rule is about visitors without an account.
  if (principal.kind === 'anonymous') return 'log-in'
  if (demand.kind !== 'repository') {
    if (!isRegistryActionAllowed(principal, demand.kind, rules)) return 'deny'
    return demand.kind === 'ping' || holdsGrant(principal, demand.kind) ? 'allow' : 'widen'
  }
  const { repository, action, source } = demand
  if (!isInScope(repository, findScope(principal, action, rules))) return 'deny'
  if (!holdsScope(principal, repository, action)) return 'widen'
  // A source one may not pull is no reason to refuse: the mount misses, as it does where there is none.
  const isCovered =
    !source ||
    !isInScope(source, findScope(principal, 'pull', rules)) ||
    holdsGrant(principal, 'mount') ||
    holdsScope(principal, source, 'pull')
  return isCovered ? 'allow' : 'widen'
}

/**
 * The repositories that {@link decide} lets this account pull from, as a filter for lists of names.
 * A token's scopes do not narrow it: one for the catalog lists all that its account may pull.
 */
export function visibleRepositories(principal: Principal, rules: AccessRules): RepositoryScope {
  return findScope(principal, 'pull', rules)
}

/**
 * The repositories in which the source of a mount is looked for: those of {@link visibleRepositories}, or with a token
 * that was not issued for that, those it may pull from.
 */
export function mountSources(
  principal: Principal,
  rules: AccessRules,
): RepositoryScope | { readonly names: readonly string[] } {
  const visible = visibleRepositories(principal, rules)
  if (principal.kind === 'anonymous' || holdsGrant(principal, 'mount')) return visible
  const named = (principal.scopes ?? []).map((scope) => (typeof scope === 'string' ? '' : scope.repository))
  return {
    names: named.filter(
      (name) => isRepositoryName(name) && isInScope(name, visible) && holdsScope(principal, name, 'pull'),
    ),
  }
}

function isInScope(repository: string, scope: RepositoryScope): boolean {
  return scope === 'all' || scope.prefixes.some((prefix) => repository.startsWith(prefix))
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
