import type { RepositoryName } from '../oci/repository-name.ts'
import { isAccountName } from './account-name.ts'
import { type ActionMask, ALL_ACTIONS, includesAction, maskOf, NO_ACTIONS } from './action-mask.ts'
import type { RegistryAction, RegistryGrant, RepositoryAction, RuleAction } from './actions.ts'
import { isAdministrationWithin } from './limits.ts'
import type { AccountPrincipal, Principal } from './principal.ts'
import { allBelow, matchesPattern, parsePattern } from './repository-pattern.ts'
import { type RepositoryScope, scopeOf } from './repository-scope.ts'
import type { AccessRules } from './rules.ts'
import { tokenActionsFor } from './token-actions.ts'

/** Subject of a decision. */
export type Demand =
  | {
      readonly kind: 'repository'
      readonly repository: RepositoryName
      readonly action: RepositoryAction | RuleAction
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
 * only on names, never on what exists, so a missing and a forbidden repository look alike. Whatever is allowed without
 * an account, is allowed with any.
 */
export function decide(principal: Principal, demand: Demand, rules: AccessRules): Decision {
  if (demand.kind !== 'repository') return decideForRegistry(principal, demand.kind, rules)
  const { repository, action, source } = demand
  if (includesAction(rules.actionsOfAnyone(repository), action)) return 'allow'
  if (principal.kind === 'anonymous') return 'log-in'
  if (!includesAction(actionsOf(principal, repository, rules), action)) return 'deny'
  if (!holdsScope(principal, repository, action)) return 'widen'
  // An unreadable source is no reason to refuse: the mount fails quietly, as with a missing one.
  const isCovered =
    !source ||
    !includesAction(actionsOf(principal, source, rules), 'pull') ||
    holdsGrant(principal, 'mount') ||
    isPullable(principal, source, rules)
  return isCovered ? 'allow' : 'widen'
}

/**
 * All accounts may check that this is a registry, and list what they may pull; administrators may manage it. Without an account only an anonymous token does, and that for the list only, where everyone may pull something: clients with credentials send them only after a challenge.
 */
function decideForRegistry(principal: Principal, action: RegistryAction, rules: AccessRules): Decision {
  if (principal.kind === 'anonymous') {
    const holdsIt =
      action === 'ping' ? principal.scopes : action === 'catalog' && principal.scopes?.includes(action)
    return holdsIt && rules.pullPatterns(['anonymous']).length > 0 ? 'allow' : 'log-in'
  }
  if (action === 'administer') {
    if (!principal.isAdmin) return 'deny'
    // No scope of a token covers it: only credentials of an administrator do, with limits only if these name it.
    return principal.scopes || !isAdministrationWithin(principal.kind, principal.limits) ? 'widen' : 'allow'
  }
  return action === 'ping' || holdsGrant(principal, action) ? 'allow' : 'widen'
}

/**
 * Acts that a principal may do in a repository, whatever its token was issued for: by rules and visibility, as owner, or as
 * administrator; its limits narrow all of it but what everyone may do.
 */
export function actionsOf(principal: Principal, repository: string, rules: AccessRules): ActionMask {
  const ofAnyone = rules.actionsOfAnyone(repository)
  if (principal.kind === 'anonymous') return ofAnyone
  const own =
    principal.isAdmin || ownsRepository(principal, repository)
      ? ALL_ACTIONS
      : rules.actionsOf(principal, repository)
  return (own & limitOf(principal, repository)) | ofAnyone
}

/**
 * The repositories that {@link decide} lets this account pull from, as a filter for lists of names. A token's scopes do
 * not narrow it: one for the catalog lists all that its account may pull.
 */
export function visibleRepositories(principal: Principal, rules: AccessRules): RepositoryScope {
  const includes = (name: string) => includesAction(actionsOf(principal, name, rules), 'pull')
  if (principal.kind === 'anonymous') return scopeOf(rules.pullPatterns(['anonymous']), includes)
  const { isAdmin, limits } = principal
  if (isAdmin && !limits) return 'all'
  const pullable = [
    ...ownedNames(principal).map(allBelow),
    ...rules.pullPatterns(rules.subjectsOf(principal)),
  ]
  if (!isAdmin) return scopeOf(pullable, includes)
  return scopeOf(
    [...(limits ?? []).map(({ where }) => where), ...rules.pullPatterns(['anonymous'])],
    includes,
  )
}

/**
 * The repositories in which the source of a mount is searched: those of {@link visibleRepositories}, or with a token
 * that was not issued for that, those it may pull from.
 */
export function mountSources(principal: Principal, rules: AccessRules): RepositoryScope {
  const visible = visibleRepositories(principal, rules)
  if (principal.kind === 'anonymous' || holdsGrant(principal, 'mount')) return visible
  const includes = (name: string) =>
    includesAction(actionsOf(principal, name, rules), 'pull') && isPullable(principal, name, rules)
  const names = (principal.scopes ?? [])
    .map((scope) => (typeof scope === 'string' ? undefined : parsePattern(scope.repository)))
    .filter((name) => name !== undefined && includes(name))
    .filter((name) => name !== undefined)
  return scopeOf([...names, ...rules.pullPatterns(['anonymous'])], includes)
}

/**
 * Names below which repositories are an account's own. Only whole components count: `alice/app` from an htpasswd file
 * would reach into alice's. The repository `<name>` itself has no owner: it is among the names of the top level.
 */
export function ownedNames({ owns }: AccountPrincipal): readonly string[] {
  return owns.filter(isAccountName)
}

function ownsRepository(principal: AccountPrincipal, repository: string): boolean {
  const end = repository.indexOf('/')
  if (end === -1) return false
  const first = repository.slice(0, end)
  return isAccountName(first) && principal.owns.includes(first)
}

/** True if the token was issued for this, or everyone may do it without one. */
function isPullable(principal: AccountPrincipal, repository: string, rules: AccessRules): boolean {
  return (
    holdsScope(principal, repository, 'pull') || includesAction(rules.actionsOfAnyone(repository), 'pull')
  )
}

/** Acts that the limits of the credentials leave in a repository. */
export function limitOf({ limits }: AccountPrincipal, repository: string): ActionMask {
  if (!limits) return ALL_ACTIONS
  let mask = NO_ACTIONS
  for (const { where, what } of limits) if (matchesPattern(where, repository)) mask |= maskOf(what)
  return mask
}

function holdsGrant({ scopes }: AccountPrincipal, grant: RegistryGrant): boolean {
  return !scopes || scopes.includes(grant)
}

function holdsScope(
  { scopes }: AccountPrincipal,
  repository: string,
  action: RepositoryAction | RuleAction,
): boolean {
  if (!scopes) return true
  const [needed] = tokenActionsFor(action)
  return scopes.some(
    (scope) =>
      needed !== undefined &&
      typeof scope !== 'string' &&
      scope.repository === repository &&
      scope.actions.includes(needed),
  )
}
