import { type ActionMask, includesAction, maskOf, NO_ACTIONS } from './action-mask.ts'
import type { RuleAction } from './actions.ts'
import type { AccountPrincipal } from './principal.ts'
import { patternsOf, type RepositoryPattern } from './repository-pattern.ts'

/** Subject of a rule, as it is stored: everyone, everyone with an account, or the id of a group or an account. */
type RuleSubject = 'anonymous' | 'signed-in' | (string & {})

/** Lets somebody act in some repositories. There are no rules that forbid: everything without a rule is denied. */
export interface AccessRule {
  readonly who: RuleSubject
  readonly where: RepositoryPattern
  readonly what: readonly RuleAction[]
}

/** Those who may pull from repositories without a rule: its owner, every account, or everyone. */
export type Visibility = 'private' | 'internal' | 'public'

/** All visibilities, the narrowest first. */
export const VISIBILITIES: readonly Visibility[] = ['private', 'internal', 'public']

/** The visibility of repositories; of several that have one, that of the narrowest pattern counts. */
export interface VisibilityRule {
  readonly where: RepositoryPattern
  readonly visibility: Visibility
}

/** Accounts that rules refer to together. */
interface AccessGroup {
  readonly id: string
  /** Subjects of accounts: {@link AccountPrincipal.subject}. */
  readonly members: readonly string[]
}

/** Everything about access that is set; the rights of owners and administrators are always there beside it. */
export interface RuleSet {
  readonly groups: readonly AccessGroup[]
  readonly rules: readonly AccessRule[]
  readonly visibility: readonly VisibilityRule[]
}

/** An account as far as rules are about it. */
type RuleAccount = Pick<AccountPrincipal, 'subject' | 'directoryGroups'>

/** Kind of a group of the directory in rules; a name there may be given again, as the directory says who is in it. */
const DIRECTORY_GROUP = 'directory:'
/** Answers remembered: those of a few hundred clients at work, in about 1 MB. */
const MAX_REMEMBERED = 4_096

/**
 * Rules in a form in which the cost of a decision does not depend on their number. They never change: a change makes
 * others.
 */
export class AccessRules {
  /** Pattern -> subject -> actions. */
  readonly #rules = new Map<RepositoryPattern, Map<RuleSubject, ActionMask>>()
  /** Subject -> patterns in which it may pull. */
  readonly #pulls = new Map<RuleSubject, RepositoryPattern[]>()
  readonly #visibility = new Map<RepositoryPattern, Visibility>()
  readonly #directoryGroups = new Set<RuleSubject>()
  /** Account -> its groups. */
  readonly #groups = new Map<string, RuleSubject[]>()
  /** Subject and repository -> actions. */
  readonly #remembered = new Map<string, ActionMask>()

  constructor({ groups, rules, visibility }: RuleSet) {
    for (const { id, members } of groups) {
      for (const member of members) append(this.#groups, member, id)
    }
    for (const { who, where, what } of rules) {
      if (who.startsWith(DIRECTORY_GROUP)) this.#directoryGroups.add(who)
      const mask = maskOf(what)
      const bySubject = this.#rules.get(where) ?? new Map<RuleSubject, ActionMask>()
      bySubject.set(who, (bySubject.get(who) ?? NO_ACTIONS) | mask)
      this.#rules.set(where, bySubject)
      if (includesAction(mask, 'pull')) append(this.#pulls, who, where)
    }
    for (const { where, visibility: level } of visibility) this.#visibility.set(where, level)
  }

  /** Acts that rules and visibility allow everyone in a repository. */
  actionsOfAnyone(repository: string): ActionMask {
    return this.#remember('anonymous', repository, () => this.#find(['anonymous'], repository))
  }

  /** Acts that rules and visibility allow an account in a repository; what everyone may is included. */
  actionsOf(account: RuleAccount, repository: string): ActionMask {
    // Groups of a directory change without a change of rules; those that rules name hold no line break.
    const key = [account.subject, ...this.#externalGroups(account)].join('\n')
    return this.#remember(key, repository, () => this.#find(this.subjectsOf(account), repository))
  }

  /** Everyone whom a rule can name so that it is about this account: itself, its groups, and all. */
  subjectsOf(account: RuleAccount): RuleSubject[] {
    const { subject } = account
    const external = this.#externalGroups(account)
    return [subject, ...(this.#groups.get(subject) ?? []), ...external, 'signed-in', 'anonymous']
  }

  /** Groups of the directory that a rule names: few, although a person may be in hundreds. */
  #externalGroups({ directoryGroups = [] }: RuleAccount): RuleSubject[] {
    return directoryGroups
      .map((name) => `${DIRECTORY_GROUP}${name}`)
      .filter((group) => this.#directoryGroups.has(group))
  }

  /**
   * Patterns that have at least all repositories from which rules and visibility let these subjects pull; whether one
   * of them is, {@link actionsOf} says.
   */
  pullPatterns(subjects: readonly RuleSubject[]): RepositoryPattern[] {
    const isSignedIn = subjects.includes('signed-in')
    const shown = [...this.#visibility].filter(
      ([, level]) => level === 'public' || (level === 'internal' && isSignedIn),
    )
    return [
      ...subjects.flatMap((subject) => this.#pulls.get(subject) ?? []),
      ...shown.map(([where]) => where),
    ]
  }

  /** The visibility of a repository, and the pattern that sets it. */
  findVisibility(repository: string): VisibilityRule | undefined {
    for (const where of patternsOf(repository)) {
      const visibility = this.#visibility.get(where)
      if (visibility) return { where, visibility }
    }
    return undefined
  }

  #find(subjects: readonly RuleSubject[], repository: string): ActionMask {
    let mask = NO_ACTIONS
    for (const pattern of patternsOf(repository)) {
      const bySubject = this.#rules.get(pattern)
      if (bySubject) mask |= joinMasks(bySubject, subjects)
    }
    const level = this.findVisibility(repository)?.visibility
    if (level === 'public' || (level === 'internal' && subjects.includes('signed-in')))
      mask |= maskOf(['pull'])
    return mask
  }

  #remember(subject: string, repository: string, find: () => ActionMask): ActionMask {
    // No repository has a space in its name.
    const key = `${repository} ${subject}`
    const known = this.#remembered.get(key)
    if (known !== undefined) return known
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
    const mask = find()
    this.#remembered.set(key, mask)
    return mask
  }
}

/** Nothing is set: each account owns `<name>/**` of its names, and administrators may do all. */
export const NO_RULES: RuleSet = { groups: [], rules: [], visibility: [] }

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}

/** The smaller side is walked: there may be thousands of rules for one pattern, or an account in a thousand groups. */
function joinMasks(
  bySubject: ReadonlyMap<RuleSubject, ActionMask>,
  subjects: readonly RuleSubject[],
): ActionMask {
  let mask = NO_ACTIONS
  for (const subject of subjects) mask |= bySubject.get(subject) ?? NO_ACTIONS
  return mask
}
