import type { RepositoryName } from '../oci/repository-name.ts'
import { includesAction, maskOf } from './action-mask.ts'
import type { RepositoryAction, RuleAction } from './actions.ts'
import { type Decision, decide, limitOf, ownedNames } from './decide.ts'
import type { Principal } from './principal.ts'
import { allBelow, matchesPattern, type RepositoryPattern } from './repository-pattern.ts'
import { type AccessRule, AccessRules, type RuleSet, type VisibilityRule } from './rules.ts'

/** Something that allows an act. */
export type Reason =
  | { readonly kind: 'administrator' }
  | { readonly kind: 'owner'; readonly where: RepositoryPattern }
  | { readonly kind: 'rule'; readonly rule: AccessRule }
  | { readonly kind: 'visibility'; readonly entry: VisibilityRule }

/** A decision with all that it follows from. */
export interface Explanation {
  readonly decision: Decision
  /** True if the limits of the credentials leave the act out, whatever its account may do. */
  readonly isLimited: boolean
  /** Everything that allows the act; the decision is the same until all of it is taken away. Empty: denied. */
  readonly reasons: readonly Reason[]
  /** Rules that allow others the act in this repository: in their place the principal might, too. */
  readonly others: readonly AccessRule[]
  /** Rules about the principal that cover the repository and not the act. */
  readonly narrower: readonly AccessRule[]
  readonly visibility: VisibilityRule | undefined
}

/** Explains the decision about an act without a token, which could only narrow it. */
export function explainAccess(
  principal: Principal,
  { repository, action }: { repository: RepositoryName; action: RepositoryAction | RuleAction },
  set: RuleSet,
): Explanation {
  const rules = new AccessRules(set)
  const subjects = principal.kind === 'anonymous' ? ['anonymous'] : rules.subjectsOf(principal)
  const covering = set.rules.filter(({ where }) => matchesPattern(where, repository))
  const allowing = covering.filter(({ what }) => includesAction(maskOf(what), action))
  const isMine = ({ who }: AccessRule): boolean => subjects.includes(who)
  const visibility = rules.findVisibility(repository)
  const decision = decide(principal, { kind: 'repository', repository, action }, rules)
  const isLimited = principal.kind !== 'anonymous' && !includesAction(limitOf(principal, repository), action)
  // Limits narrow all but what everyone may do.
  const counts = isLimited && decision === 'allow' ? isForEveryone : () => true
  return {
    decision,
    isLimited,
    reasons: [
      ...findStanding(principal, repository),
      ...allowing.filter(isMine).map((rule) => ({ kind: 'rule' as const, rule })),
      ...(visibility && isShown(principal, visibility) && action === 'pull'
        ? [{ kind: 'visibility' as const, entry: visibility }]
        : []),
    ].filter(counts),
    others: allowing.filter((rule) => !isMine(rule)),
    narrower: covering.filter((rule) => isMine(rule) && !allowing.includes(rule)),
    visibility,
  }
}

function isForEveryone(reason: Reason): boolean {
  return (
    (reason.kind === 'rule' && reason.rule.who === 'anonymous') ||
    (reason.kind === 'visibility' && reason.entry.visibility === 'public')
  )
}

function findStanding(principal: Principal, repository: string): Reason[] {
  if (principal.kind === 'anonymous') return []
  const owned = ownedNames(principal)
    .map(allBelow)
    .find((where) => matchesPattern(where, repository))
  return [
    ...(principal.isAdmin ? [{ kind: 'administrator' as const }] : []),
    ...(owned ? [{ kind: 'owner' as const, where: owned }] : []),
  ]
}

function isShown({ kind }: Principal, { visibility }: VisibilityRule): boolean {
  return visibility === 'public' || (visibility === 'internal' && kind !== 'anonymous')
}
