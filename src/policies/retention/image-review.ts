import type { Decider, ReadyRule } from './decider.ts'
import { parseDuration } from './duration.ts'
import { pullTimeOf, type TagFacts, type TagVerdict } from './tag-facts.ts'

/** Time for which an image counts as in use after a pull, whatever the rules, in milliseconds. */
const IN_USE_MS = 24 * 3_600_000

/** A tag of the image, with its verdict. */
interface Judged {
  readonly name: string
  readonly verdict: TagVerdict
}

/** The judgement about one image: first all its tags are added, then each gets its verdict. */
export class ImageReview {
  readonly #findDecider: (tag: TagFacts) => Decider
  readonly #now: number
  /** Latest time of the image's tags by each rule that ranks images: as many as there are rules. */
  readonly #ranked = new Map<ReadyRule, { time: number; name: string; digest: string }>()
  /** The first tag that stays by itself. */
  #kept: Judged | undefined
  /** The first rule that removes one of its tags: the whole image goes by it. */
  #acting: { readonly index: number; readonly verdict: TagVerdict } | undefined

  constructor(findDecider: (tag: TagFacts) => Decider, now: number) {
    this.#findDecider = findDecider
    this.#now = now
  }

  /** Adds a tag of the image. */
  add(tag: TagFacts): void {
    const decider = this.#findDecider(tag)
    if (decider.kind === 'rule' && typeof decider.rule.keep === 'object') this.#rank(decider.rule, tag)
    const verdict = this.#judgeAlone(tag, decider)
    if (verdict.isKept) this.#kept ??= { name: tag.name, verdict }
    else {
      const index = decider.kind === 'rule' ? decider.rule.index : -1
      if (!this.#acting || index < this.#acting.index) this.#acting = { index, verdict }
    }
  }

  /** The verdict about one of the tags that were added, once all were. */
  judge(tag: TagFacts): TagVerdict {
    const decider = this.#findDecider(tag)
    const alone = this.#judgeAlone(tag, decider)
    if (alone.isKept) return alone
    const ranked = decider.kind === 'rule' ? this.#findRank(decider.rule) : undefined
    if (ranked) return ranked.verdict
    const kept = this.#findKept()
    if (kept) {
      return {
        isKept: true,
        rule: kept.verdict.rule,
        why: `its image is also ${kept.name}: ${kept.verdict.why}`,
      }
    }
    const sincePullMs = this.#now - (tag.pulledAt ?? Number.NEGATIVE_INFINITY)
    if (sincePullMs < IN_USE_MS)
      return { isKept: true, rule: 'in use', why: 'in use: pulled within the last day' }
    return this.#acting?.verdict ?? alone
  }

  #rank(rule: ReadyRule, tag: TagFacts): void {
    const time = rule.ranking.timeOf(tag)
    const known = this.#ranked.get(rule)
    if (!known || known.time < time) this.#ranked.set(rule, { time, name: tag.name, digest: tag.digest })
  }

  /** The first tag that stays, by itself or by the rank of the image. */
  #findKept(): Judged | undefined {
    if (this.#kept) return this.#kept
    for (const rule of this.#ranked.keys()) {
      const found = this.#findRank(rule)
      if (found) return found
    }
    return undefined
  }

  #findRank(rule: ReadyRule): Judged | undefined {
    const ranked = this.#ranked.get(rule)
    if (!ranked || typeof rule.keep !== 'object' || !rule.ranking.isNewest(ranked.digest, ranked.time))
      return undefined
    const { newest, by = 'push' } = rule.keep
    const why = `among the newest ${newest} by ${by}`
    return { name: ranked.name, verdict: { isKept: true, rule: rule.text, why } }
  }

  /** The verdict of a tag without regard to the image's other tags and its rank. */
  #judgeAlone(tag: TagFacts, decider: Decider): TagVerdict {
    switch (decider.kind) {
      case 'immutable':
        return { isKept: true, rule: 'immutable', why: `immutable by ${decider.pattern}` }
      case 'companion':
        return judgeCompanion(tag, decider.subject)
      case 'label':
        return judgeLabel(tag, decider.afterMs, this.#now)
      case 'none':
        return { isKept: true, rule: undefined, why: 'no rule matches' }
      case 'rule':
        return judgeByRule(tag, decider.rule, this.#now)
    }
  }
}

function judgeCompanion({ hasSubject = true }: TagFacts, subject: string): TagVerdict {
  const image = `${subject.slice(0, 19)}…`
  return hasSubject
    ? { isKept: true, rule: 'companion', why: `belongs to the image ${image}` }
    : { isKept: false, rule: 'companion', why: `belonged to the image ${image}, which is gone` }
}

function judgeLabel({ pushedAt }: TagFacts, afterMs: number, now: number): TagVerdict {
  const end = pushedAt + afterMs
  const when = new Date(end).toISOString().slice(0, 16).replace('T', ' ')
  return end > now
    ? { isKept: true, rule: 'label', why: `expires at ${when}Z by its label` }
    : { isKept: false, rule: 'label', why: `expired at ${when}Z by its label` }
}

function judgeByRule(tag: TagFacts, { keep, text, ranking }: ReadyRule, now: number): TagVerdict {
  if (keep === 'all') return { isKept: true, rule: text, why: 'the rule keeps all' }
  if (keep === 'none') return { isKept: false, rule: text, why: 'the rule keeps none' }
  const { 'pushed-within': pushed, 'pulled-within': pulled } = keep
  const why =
    findRecent(pushed, { time: tag.pushedAt, act: 'pushed', now }) ??
    findRecent(pulled, { time: pullTimeOf(tag), act: 'pulled', now }) ??
    ranking.findVersionReason(tag)
  return { isKept: why !== undefined, rule: text, why: why ?? `the rule does not keep it (${text})` }
}

function findRecent(
  within: string | undefined,
  { time, act, now }: { time: number; act: string; now: number },
): string | undefined {
  const ms = within === undefined ? undefined : parseDuration(within)
  return ms !== undefined && time + ms > now ? `${act} within ${within}` : undefined
}
