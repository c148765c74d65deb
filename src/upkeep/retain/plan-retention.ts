import type { CollectionFacts } from '../../metadata/collection-facts.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { parseDuration } from '../../policies/retention/duration.ts'
import { RetentionReview } from '../../policies/retention/review-retention.ts'
import type { TagVerdict } from '../../policies/retention/tag-facts.ts'
import { countTags, judgeImages } from './judge-images.ts'
import { findRuledRepositories, type RuledRepository, type RunParts } from './retention-run.ts'

/** Untagged images read at once. */
const UNTAGGED_PAGE = 200

/** A tag, or an image without one, with the verdict that a run would give it now. */
export interface PlannedTag {
  readonly repository: RepositoryName
  /** Undefined: an image without a tag. */
  readonly name: Tag | undefined
  readonly digest: Digest
  /** Last push of the tag. */
  readonly pushedAt: Date | undefined
  readonly pulledAt: Date | undefined
  readonly verdict: TagVerdict
}

/** Dependencies of a plan. */
interface PlanParts extends Pick<RunParts, 'facts' | 'metadata' | 'readDocument' | 'pattern'> {
  readonly judge: CollectionFacts['judge']
  readonly relyMs: number
}

/** The verdicts about all tags of repositories with rules or labels, in constant memory; nothing is changed. */
export async function* planRetention(parts: PlanParts): AsyncGenerator<PlannedTag> {
  const { facts } = parts
  for await (const ruled of findRuledRepositories(parts)) {
    const { repository, aspect, findImmutable } = ruled
    const review = new RetentionReview(aspect, { now: facts.now(), findImmutable })
    await countTags({ facts, repository }, review)
    for await (const { tags } of judgeImages({ facts, repository }, review)) {
      for (const { name, digest, pushedAt, pulledAt, verdict } of tags) {
        yield {
          repository,
          name,
          digest,
          pushedAt: new Date(pushedAt),
          pulledAt: pulledAt === undefined ? undefined : new Date(pulledAt),
          verdict,
        }
      }
    }
    yield* planUntagged(parts, ruled)
  }
}

async function* planUntagged(
  { facts, judge, relyMs }: PlanParts,
  { repository, aspect }: RuledRepository,
): AsyncGenerator<PlannedTag> {
  const after = aspect['untagged-after']
  const keepMs = parseDuration(after ?? '')
  if (keepMs === undefined) return
  const verdict = { isKept: false, rule: `untagged after ${after}`, why: 'without a tag, and not used since' }
  let last = ''
  for (;;) {
    const since = facts.now() - keepMs
    const page = await facts.listUntagged(repository, { after: last, limit: UNTAGGED_PAGE, since })
    const items = page.map(({ repositoryId, digest }) => ({
      kind: 'manifest' as const,
      repositoryId,
      digest,
    }))
    const judged = await judge(items, { keepMs, relyMs })
    for (const [at, { digest }] of items.entries()) {
      if (judged[at] !== undefined) continue
      yield { repository, name: undefined, digest, pushedAt: undefined, pulledAt: undefined, verdict }
    }
    last = page.at(-1)?.digest ?? last
    if (page.length < UNTAGGED_PAGE) return
  }
}
