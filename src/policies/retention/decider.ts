import { findTagPattern } from '../patterns/tag-patterns.ts'
import { findCompanionSubject } from './companion-tag.ts'
import type { RetentionRule } from './retention-rules.ts'
import { describeRule, isOfVersions } from './retention-rules.ts'
import type { RuleRanking } from './rule-ranking.ts'
import type { TagFacts } from './tag-facts.ts'
import { compileTagRegex } from './tag-regex.ts'
import { parseVersion } from './version.ts'

/** A rule, ready to be applied to tags. */
export interface ReadyRule {
  /** Its place in the list. */
  readonly index: number
  readonly text: string
  readonly keep: RetentionRule['keep']
  readonly ranking: RuleRanking
  matches(tag: string): boolean
}

/** The cause of the verdict about a tag: the first of these that applies. */
export type Decider =
  | { readonly kind: 'immutable'; readonly pattern: string }
  /** The image to which the tag belongs by its name, such as that of a signature. */
  | { readonly kind: 'companion'; readonly subject: string }
  /** A label of the image, unless the first rule that matches keeps all. */
  | { readonly kind: 'label'; readonly afterMs: number }
  | { readonly kind: 'rule'; readonly rule: ReadyRule }
  | { readonly kind: 'none' }

/** Terms for all tags of a repository, beside its rules. */
export interface DecisionTerms {
  /** The pattern that makes a tag immutable. */
  readonly findImmutable: (tag: string) => string | undefined
  /** True if labels of images count. */
  readonly labels: boolean
}

/** Finds what decides about a tag. */
export function findDecider(
  { name, expiresAfterMs }: TagFacts,
  rules: readonly ReadyRule[],
  { findImmutable, labels }: DecisionTerms,
): Decider {
  const pattern = findImmutable(name)
  if (pattern !== undefined) return { kind: 'immutable', pattern }
  const subject = findCompanionSubject(name)
  if (subject !== undefined) return { kind: 'companion', subject }
  const rule = rules.find((one) => one.matches(name))
  if (labels && expiresAfterMs !== undefined && rule?.keep !== 'all') {
    return { kind: 'label', afterMs: expiresAfterMs }
  }
  return rule ? { kind: 'rule', rule } : { kind: 'none' }
}

/** Prepares the rules of one repository, in their order; each gets a ranking of its own from `createRanking`. */
export function prepareRules(
  rules: readonly RetentionRule[],
  createRanking: (keep: RetentionRule['keep']) => RuleRanking,
): ReadyRule[] {
  return rules.map((rule, index) => {
    const { tags = [], regex, keep } = rule
    const matchesName =
      (regex === undefined ? undefined : compileTagRegex(regex)) ??
      ((tag: string) => findTagPattern(tags, tag) !== undefined)
    const isVersions = typeof keep === 'object' && isOfVersions(keep)
    return {
      index,
      text: describeRule(rule),
      keep,
      ranking: createRanking(keep),
      matches: (tag) => matchesName(tag) && (!isVersions || parseVersion(tag) !== undefined),
    }
  })
}
