import { type DecisionTerms, findDecider, prepareRules, type ReadyRule } from './decider.ts'
import { ImageReview } from './image-review.ts'
import { isOfVersions, type RetentionAspect } from './retention-rules.ts'
import { RuleRanking } from './rule-ranking.ts'
import type { TagFacts } from './tag-facts.ts'

/**
 * Decides which tags of one repository stay. The tags are read twice: first all are counted, then the tags of one image
 * after the other are judged together, since an image stays with all its tags if one of them stays. Memory depends on
 * the rules, not on the number of tags. A tag pushed between both readings is newer than all, and so stays.
 */
export class RetentionReview {
  readonly #rules: readonly ReadyRule[]
  readonly #terms: DecisionTerms
  readonly #now: number

  /** `now`: milliseconds since 1970. `findImmutable`: the pattern that makes a tag immutable. */
  constructor(
    { rules, labels = true }: RetentionAspect,
    { now, findImmutable }: { now: number; findImmutable: (tag: string) => string | undefined },
  ) {
    this.#rules = prepareRules(rules, (keep) => new RuleRanking(typeof keep === 'object' ? keep : {}))
    this.#terms = { findImmutable, labels }
    this.#now = now
  }

  /** True if all tags must be counted before one is judged. */
  get isCounting(): boolean {
    return this.#rules.some(
      ({ keep }) => typeof keep === 'object' && (keep.newest !== undefined || isOfVersions(keep)),
    )
  }

  /** Counts a tag, in the first reading. */
  count(tag: TagFacts): void {
    const decider = findDecider(tag, this.#rules, this.#terms)
    if (decider.kind === 'rule') decider.rule.ranking.count(tag)
  }

  /** Begins to judge one image, in the second reading. */
  beginImage(): ImageReview {
    return new ImageReview((tag) => findDecider(tag, this.#rules, this.#terms), this.#now)
  }
}
