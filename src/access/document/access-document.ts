import type { RuleAction } from '../actions.ts'
import type { RepositoryPattern } from '../repository-pattern.ts'
import type { Visibility } from '../rules.ts'

/** Names of accounts and groups in a document: `user:alice`, `robot:ci`, `htpasswd:alice`, `group:backend`. */
export type SubjectName = string

/** Everything about access that is set, with names in place of ids. Sorted, and each entry once. */
export interface AccessDocument {
  readonly groups: readonly NamedGroup[]
  readonly rules: readonly NamedRule[]
  readonly visibility: readonly { readonly where: RepositoryPattern; readonly visibility: Visibility }[]
}

/** A group by its name. */
export interface NamedGroup {
  readonly name: string
  /** Accounts, never groups. */
  readonly members: readonly SubjectName[]
}

/** A rule about somebody by name; one of the same `who` and `where` is the same rule. */
export interface NamedRule {
  readonly who: SubjectName
  readonly where: RepositoryPattern
  /** At least one, in the order of `RULE_ACTIONS`. */
  readonly what: readonly RuleAction[]
}

/** Most of each, so that reading all of them after a change takes a fraction of a second. */
export const MAX_RULES = 20_000
/** Most groups of one registry. */
export const MAX_GROUPS = 5_000
/** Most members of all groups together. */
export const MAX_MEMBERS = 100_000

/** The same document with sorted entries. */
export function sortDocument({ groups, rules, visibility }: AccessDocument): AccessDocument {
  return {
    groups: groups
      .map(({ name, members }) => ({ name, members: members.toSorted() }))
      .sort((one, other) => compare(one.name, other.name)),
    rules: rules.toSorted((one, other) => compare(one.who, other.who) || compare(one.where, other.where)),
    visibility: visibility.toSorted((one, other) => compare(one.where, other.where)),
  }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
