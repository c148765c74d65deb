import { isRepositoryName, type RepositoryName } from '../oci/repository-name.ts'
import type { RegistryAction, RegistryGrant, RepositoryAction } from './actions.ts'
import type { Principal, UserPrincipal } from './principal.ts'
import { type AccessRules, findScope, isRegistryActionAllowed, type RepositoryScope } from './rules.ts'

/** Subject of a decision. */
export type Demand =
  | {
      readonly kind: 'repository'
      readonly repository: RepositoryName
      readonly action: RepositoryAction
      /** Source of a mount: if the account may pull it, the token must allow that, too. */
      readonly source?: RepositoryName | undefined
    }
  /**
   * `catalog` lists the repositories that the account may pull, `mount` searches all of them for the source of a mount.
   */
  | { readonly kind: RegistryAction }

/**
 * - `allow`.
 * - `deny`: this principal may not, whatever token it holds.
 * - `log-in`: there are no credentials, and some may change the answer.
 * - `widen`: the account may, but its token was not issued for it.
 */
export type Decision = 'allow' | 'deny' | 'log-in' | 'widen'

/**
 * The one decision about access: everything that no rule allows is denied, and a token narrows the rules. It depends
 * only on names, never on what exists, so a missing and a forbidden repository look alike.
 */
export function decide(principal: Principal, demand: Demand, rules: AccessRules): Decision {
  // No rule is about visitors without an account.
  if (principal.kind === 'anonymous') return 'log-in'
  if (demand.kind !== 'repository') {
    if (!isRegistryActionAllowed(principal, demand.kind, rules)) return 'deny'
    if (demand.kind === 'ping') return 'allow'
    // No scope of a token covers it: only the password of an administrator does.
    if (demand.kind === 'administer') return principal.scopes ? 'widen' : 'allow'
    return holdsGrant(principal, demand.kind) ? 'allow' : 'widen'
  }
  const { repository, action, source } = demand
  if (!isInScope(repository, findScope(principal, action, rules))) return 'deny'
  if (!holdsScope(principal, repository, action)) return 'widen'
  // An unreadable source is no reason to refuse: the mount fails quietly, as with a missing one.
  const isCovered =
    !source ||
    !isInScope(source, findScope(principal, 'pull', rules)) ||
    holdsGrant(principal, 'mount') ||
    holdsScope(principal, source, 'pull')
  return isCovered ? 'allow' : 'widen'
}

/**
 * The repositories that {@link decide} lets this account pull from, as a filter for lists of names. A token's scopes do
 * not narrow it: one for the catalog lists all that its account may pull.
 */
export function visibleRepositories(principal: Principal, rules: AccessRules): RepositoryScope {
  return findScope(principal, 'pull', rules)
}

/**
 * The repositories in which the source of a mount is searched: those of {@link visibleRepositories}, or with a token
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
