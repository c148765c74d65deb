import type { CollectionFacts } from '../../metadata/collection-facts.ts'
import type { RetentionFacts } from '../../metadata/retention-facts.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { isSameRetention } from '../../policies/find-retention.ts'
import { parseDuration } from '../../policies/retention/duration.ts'
import type { RetentionAspect } from '../../policies/retention/retention-rules.ts'
import { RetentionReview } from '../../policies/retention/review-retention.ts'
import { countTags, judgeImages } from './judge-images.ts'
import { OutdatedError, TagExpiry } from './tag-expiry.ts'

/** Untagged images read at once; after each page the policies are read again. */
const UNTAGGED_PAGE = 200

/** Looks at untagged images and removes those that nothing needs. */
export interface UntaggedRemoval {
  readonly look: CollectionFacts['look']
  /** Time for which a client may rely on an answer about an image, in milliseconds. */
  readonly relyMs: number
}

/** Retention of one repository. */
interface RepositoryRetention {
  readonly facts: RetentionFacts
  readonly repository: RepositoryName
  readonly aspect: RetentionAspect
  /** The pattern that makes a tag immutable. */
  readonly findImmutable: (tag: string) => string | undefined
  /** Undefined: no images may be removed at the moment. */
  readonly untagged: UntaggedRemoval | undefined
  /** The retention of the repository as it is now; images without a tag are removed while it is still the same. */
  readonly readAspect: () => Promise<RetentionAspect>
  readonly signal?: AbortSignal | undefined
  /** Waits some milliseconds between two transactions; by default as long as they take. */
  readonly rest?: ((ms: number) => Promise<unknown>) | undefined
}

/** Result of one repository. */
export interface RepositoryOutcome {
  readonly tagsSeen: number
  /** Ended tags by rule. */
  readonly ended: ReadonlyMap<string, number>
  /** Images without a tag that were removed. */
  readonly imagesRemoved: number
  /** Why it ended early: an error of the facts, or the reason of the signal; undefined: it did not. */
  readonly failure: unknown
  /** True if it ended early since its decisions no longer held, for the reason in `failure`. */
  readonly isOutdated: boolean
}

/**
 * Ends the tags of a repository that its rules do not keep, and removes images without a tag. Returns what was done, also
 * if it fails in the middle.
 */
export async function retainRepository(parts: RepositoryRetention): Promise<RepositoryOutcome> {
  const { facts, aspect, findImmutable, signal } = parts
  const decidedAt = facts.now()
  const review = new RetentionReview(aspect, { now: decidedAt, findImmutable })
  const expiry = new TagExpiry({
    ...parts,
    basis: { aspect, decidedAt, historyEnd: await facts.findHistoryEnd() },
  })
  const done = { tagsSeen: 0, imagesRemoved: 0 }
  let failure: unknown
  try {
    await countTags(parts, review)
    for await (const image of judgeImages(parts, review)) {
      signal?.throwIfAborted()
      done.tagsSeen += image.tags.length
      await expiry.add(image)
    }
    await expiry.flush()
    await removeUntagged(parts, done)
  } catch (error) {
    failure = error
  }
  return { ...done, ended: expiry.ended, failure, isOutdated: failure instanceof OutdatedError }
}

/** Removes images that have had no tag for the time of the rules, by the collection's own look at each. */
async function removeUntagged(
  { facts, repository, aspect, readAspect, untagged, signal }: RepositoryRetention,
  done: { imagesRemoved: number },
): Promise<void> {
  const keepMs = parseDuration(aspect['untagged-after'] ?? '')
  if (keepMs === undefined || !untagged) return
  const since = facts.now() - keepMs
  let after = ''
  for (;;) {
    const page = await facts.listUntagged(repository, { after, limit: UNTAGGED_PAGE, since })
    if (page.length > 0 && !isSameRetention(await readAspect(), aspect)) {
      throw new OutdatedError('its policy was changed meanwhile: the next run decides anew')
    }
    for (const { repositoryId, digest } of page) {
      signal?.throwIfAborted()
      const item = { kind: 'manifest', repositoryId, digest } as const
      const outcome = await untagged.look(item, { keepMs, relyMs: untagged.relyMs })
      if (outcome.kind === 'removed') done.imagesRemoved++
    }
    after = page.at(-1)?.digest ?? after
    if (page.length < UNTAGGED_PAGE) return
  }
}
