import { prepareRules } from './decider.ts'
import { describeRule, type RetentionAspect } from './retention-rules.ts'
import { RuleRanking } from './rule-ranking.ts'

/** The rule that decides about a tag, in a few words with its place in the list; undefined: none matches it. */
export function findRuleFor(aspect: RetentionAspect | undefined, tag: string): string | undefined {
  const rules = aspect?.rules ?? []
  const found = prepareRules(rules, () => new RuleRanking({})).find((rule) => rule.matches(tag))
  const rule = found && rules[found.index]
  return rule && `rules[${found.index}], ${describeRule(rule)}`
}
