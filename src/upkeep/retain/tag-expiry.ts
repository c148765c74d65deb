import { setTimeout as sleep } from 'node:timers/promises'
import type { ExpiringImage, RetentionBasis, RetentionFacts } from '../../metadata/retention-facts.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { JudgedImage } from './judge-images.ts'

/** Tags ended in one transaction: as many as take about so long, since pushes wait for it. */
const TRANSACTION_MS = 20
const MIN_BATCH = 25
const MAX_BATCH = 250
/** Longest text for the history of tags, in characters. */
const MAX_BY = 200
/** Rest between two transactions, in parts of the time that the first took, and at most, in milliseconds. */
const REST_SHARE = 0.5
const MAX_REST_MS = 1_000

/** Begins the name under which the history of tags has their end, in the place of an account's. */
const ACTOR = '(retention)'

/** Dependencies of {@link TagExpiry}. */
interface ExpiryParts {
  readonly facts: Pick<RetentionFacts, 'expireTags'>
  readonly repository: RepositoryName
  readonly basis: RetentionBasis
  /** Waits for some milliseconds; by default as long as they take. */
  readonly rest?: ((ms: number) => Promise<unknown>) | undefined
}

/** The decisions about a repository no longer hold: the next run makes others. */
export class OutdatedError extends Error {
  override readonly name = 'OutdatedError'
}

/**
 * Ends the tags of images that no rule keeps, in short transactions, each followed by a rest. Errors: `OutdatedError` as
 * soon as the decisions no longer hold, and nothing ended since.
 */
export class TagExpiry {
  readonly #facts: Pick<RetentionFacts, 'expireTags'>
  readonly #repository: RepositoryName
  readonly #rest: (ms: number) => Promise<unknown>
  /** Ended tags by rule. */
  readonly ended = new Map<string, number>()
  #basis: RetentionBasis
  #batch: ExpiringImage[] = []
  /** Tags of the next transaction. */
  #size = 100
  /** The image with more tags than one transaction takes, and how many of them have ended. */
  #large: { readonly digest: Digest; ended: number; isSpared: boolean } | undefined

  constructor({ facts, repository, basis, rest = sleep }: ExpiryParts) {
    this.#facts = facts
    this.#basis = basis
    this.#repository = repository
    this.#rest = rest
  }

  /** Adds an image, of which nothing happens if its tags stay. */
  async add(image: JudgedImage): Promise<void> {
    const expiring = toExpiring(image)
    if (!expiring) return
    if (image.tagCount > MAX_BATCH) return this.#addLarge(expiring)
    this.#batch.push(expiring)
    if (this.#batch.reduce((sum, { tags }) => sum + tags.length, 0) >= this.#size) await this.flush()
  }

  /** Ends the tags of all images that were added. */
  async flush(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    if (batch.length > 0) await this.#expire(batch)
  }

  async #addLarge(image: ExpiringImage): Promise<void> {
    await this.flush()
    if (this.#large?.digest !== image.digest)
      this.#large = { digest: image.digest, ended: 0, isSpared: false }
    const large = this.#large
    for (let at = 0; at < image.tags.length && !large.isSpared; ) {
      const tags = image.tags.slice(at, at + this.#size)
      at += tags.length
      const isWhole = await this.#expire([{ ...image, tags, tagCount: image.tagCount - large.ended }])
      if (isWhole) large.ended += tags.length
      else large.isSpared = true
    }
  }

  /** False if an image was spared. */
  async #expire(images: readonly ExpiringImage[]): Promise<boolean> {
    const start = performance.now()
    const { ended, spared, historyEnd, outdated } = await this.#facts.expireTags(
      this.#repository,
      images,
      this.#basis,
    )
    if (outdated !== undefined) throw new OutdatedError(`${outdated}: the next run decides anew`)
    this.#basis = { ...this.#basis, historyEnd }
    const names = new Set<string>(ended)
    for (const { name, by } of images.flatMap(({ tags }) => tags)) {
      const rule = by.slice(ACTOR.length + 1)
      if (names.has(name)) this.ended.set(rule, (this.ended.get(rule) ?? 0) + 1)
    }
    const ms = performance.now() - start
    this.#adapt(names.size, ms)
    await this.#rest(Math.min(ms * REST_SHARE, MAX_REST_MS))
    return spared.length === 0
  }

  /** Adapts the size of the next transaction to the time that one of `count` tags took, at most twofold. */
  #adapt(count: number, ms: number): void {
    const fitting = Math.min((count * TRANSACTION_MS) / Math.max(ms, 1), this.#size * 2)
    this.#size = Math.round(Math.min(MAX_BATCH, Math.max(MIN_BATCH, fitting)))
  }
}

function toExpiring({ digest, pulledAt, tagCount, tags }: JudgedImage): ExpiringImage | undefined {
  const ending = tags.filter(({ verdict }) => !verdict.isKept)
  if (ending.length === 0) return undefined
  const expiring = ending.map(({ name, pushedAt, verdict }) => ({
    name,
    pushedAt,
    by: `${ACTOR} ${verdict.rule ?? ''}`.slice(0, MAX_BY),
  }))
  return { digest, pulledAt, tagCount, tags: expiring }
}
