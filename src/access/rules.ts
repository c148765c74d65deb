import { isAccountName } from './account-name.ts'
import type { RegistryAction, RepositoryAction } from './actions.ts'
import type { Principal, UserPrincipal } from './principal.ts'

/** Accounts that a rule is about: all, or the administrators. */
type Who = 'signed-in' | 'administrators'

/** Lets accounts act in all repositories, or in `own`: those below the names that an account owns. */
interface RepositoryRule {
  readonly who: Who
  readonly where: 'repositories' | 'own'
  readonly what: readonly RepositoryAction[]
}

/** Lets accounts act on the registry as a whole. */
interface RegistryRule {
  readonly who: Who
  readonly where: 'registry'
  readonly what: readonly RegistryAction[]
}

/** A rule allows; everything without a rule is denied. */
type AccessRule = RepositoryRule | RegistryRule

/** All rules of a registry, in any order. */
export type AccessRules = readonly AccessRule[]

/** Each account owns `<name>/**` of its names, and administrators may do all. */
export const DEFAULT_RULES: AccessRules = [
  { who: 'signed-in', where: 'registry', what: ['ping', 'catalog', 'mount'] },
  { who: 'signed-in', where: 'own', what: ['pull', 'push', 'delete'] },
  { who: 'administrators', where: 'repositories', what: ['pull', 'push', 'delete'] },
  { who: 'administrators', where: 'registry', what: ['administer'] },
]

/** Repositories: all, or those below the prefixes (each ends in a slash). */
export type RepositoryScope = 'all' | { readonly prefixes: readonly string[] }

/** The repositories in which the rules let a principal do this, whatever its token was issued for. */
export function findScope(
  principal: Principal,
  action: RepositoryAction,
  rules: AccessRules,
): RepositoryScope {
  if (principal.kind === 'anonymous') return { prefixes: [] }
  const prefixes: string[] = []
  for (const rule of rules) {
    if (rule.where === 'registry' || !appliesTo(rule, principal) || !rule.what.includes(action)) continue
    if (rule.where === 'repositories') return 'all'
    prefixes.push(...ownedNames(principal).map((name) => `${name}/`))
  }
  return { prefixes }
}

/** True if the rules let an account do this to the registry as a whole, whatever its token was issued for. */
export function isRegistryActionAllowed(
  principal: UserPrincipal,
  action: RegistryAction,
  rules: AccessRules,
): boolean {
  return rules.some(
    (rule) => rule.where === 'registry' && appliesTo(rule, principal) && rule.what.includes(action),
  )
}

/**
 * Names below which repositories are an account's own. Only whole components count: `alice/app` from an htpasswd file
 * would reach into alice's. The repository `<name>` itself has no owner: it is among the names of the top level.
 */
export function ownedNames({ owns }: UserPrincipal): readonly string[] {
  return owns.filter(isAccountName)
}

function appliesTo({ who }: AccessRule, { isAdmin }: UserPrincipal): boolean {
  return who === 'signed-in' || isAdmin
}
