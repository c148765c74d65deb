import type { BlobReader, BlobWriter } from '../../blobs/blob-store.ts'
import {
  type BlobMark,
  type CollectionFacts,
  type CollectionPolicy,
  type DueItem,
  REMOVED_WITHIN_MS,
} from '../../metadata/collection-facts.ts'
import { Elapsed } from '../elapsed.ts'
import { Pace, type PaceLimits } from './pace.ts'

/** Entries read at once. */
const BATCH = 200
/** Ended tags and claims forgotten in one transaction. */
const HISTORY_BATCH = 500
/** Steps that a transaction over many rows counts as: a manifest has a row for each blob it names, mostly around ten. */
const STEPS_OF_MANY_ROWS = 10

/** Failures one after the other that end a round: the cause is not the entry, and each is a line of the log. */
const MAX_FAILED_IN_TURN = 50

/** Result of a round. */
export interface CollectionRound {
  /** Facts removed, by kind of content. */
  readonly removed: Readonly<Record<DueItem['kind'], number>>
  /** Bytes removed from the store. */
  readonly freedBytes: number
  /** Entries that could not be removed; they stay in the queue. */
  readonly failed: number
  /** Entries looked at. */
  readonly lookedAt: number
}

/** Dependencies of collection. */
interface CollectorParts {
  readonly blobs: Pick<BlobReader & BlobWriter, 'stat' | 'delete'>
  readonly facts: CollectionFacts
  readonly policy: CollectionPolicy
  readonly pace: PaceLimits
  /** Called with each entry that could not be removed. */
  readonly onFailure?: ((item: DueItem, error: unknown) => void) | undefined
  /** Called after each few entries with the sums so far. */
  readonly onProgress?: ((round: CollectionRound) => Promise<void>) | undefined
  /** Called before each few entries; false ends the round. */
  readonly mayGoOn?: (() => Promise<boolean>) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Removes what is due, facts first and bytes last, until nothing is. It needs no lock: each look is a transaction of its
 * own, several processes may collect at once, and one that ends in the middle leaves entries that the next one finds.
 * Errors: the reason of the signal; the last of many failures one after the other; `OciError` of a database that cannot be reached.
 */
export async function collect(parts: CollectorParts): Promise<CollectionRound> {
  const round = new Round(parts)
  await round.run()
  return round.result()
}

class Round {
  readonly #parts: CollectorParts
  readonly #pace: Pace
  readonly #removed: Record<DueItem['kind'], number> = {
    repository: 0,
    trashed: 0,
    manifest: 0,
    link: 0,
    blob: 0,
  }
  /** Entries that failed in this round, which are not tried again in it. */
  readonly #failed = new Set<string>()
  #failedInTurn = 0
  #lookedAt = 0
  #freedBytes = 0
  #isHeld = false

  constructor(parts: CollectorParts) {
    this.#parts = parts
    this.#pace = new Pace(parts.pace)
  }

  result(): CollectionRound {
    return {
      removed: this.#removed,
      freedBytes: this.#freedBytes,
      failed: this.#failed.size,
      lookedAt: this.#lookedAt,
    }
  }

  async run(): Promise<void> {
    const { facts, policy, mayGoOn, onProgress } = this.#parts
    for (;;) {
      if (mayGoOn && !(await mayGoOn())) return
      const due = await facts.listDue(policy, BATCH + this.#failed.size)
      const fresh = due.filter((item) => !this.#failed.has(keyOf(item)))
      if (fresh.length === 0) break
      for (const item of fresh) {
        await this.#try(item)
        if (this.#isHeld) return
      }
      await onProgress?.(this.result())
    }
    while ((await facts.forgetHistory(policy, HISTORY_BATCH)) > 0) {
      this.#pace.count(0, STEPS_OF_MANY_ROWS)
      await this.#pace.rest(this.#parts.signal)
    }
  }

  async #try(item: DueItem): Promise<void> {
    await this.#pace.rest(this.#parts.signal)
    this.#lookedAt++
    try {
      const bytes = await this.#step(item)
      this.#failedInTurn = 0
      this.#freedBytes += bytes
      this.#pace.count(bytes, item.kind === 'link' || item.kind === 'blob' ? 1 : STEPS_OF_MANY_ROWS)
    } catch (error) {
      this.#failed.add(keyOf(item))
      this.#pace.count()
      this.#parts.onFailure?.(item, error)
      if (++this.#failedInTurn >= MAX_FAILED_IN_TURN) throw error
    }
  }

  /** Looks at an entry and removes it, if it is not needed. Returns the number of bytes removed. */
  async #step(item: DueItem): Promise<number> {
    const { facts, policy } = this.#parts
    const since = new Elapsed()
    const outcome = await facts.look(item, policy)
    if (outcome.kind === 'held') this.#isHeld = true
    const bytes = outcome.kind === 'marked' ? await this.#removeBytes(outcome, since) : 0
    if (outcome.kind === 'removed' || outcome.kind === 'marked') this.#removed[item.kind]++
    return bytes
  }

  async #removeBytes(mark: BlobMark, since: Elapsed): Promise<number> {
    const { blobs, facts } = this.#parts
    const { digest } = mark
    const size = (await blobs.stat(digest))?.size ?? 0
    if (since.ms() > REMOVED_WITHIN_MS) {
      throw new Error(`The removal of ${digest} took too long to begin: it is tried again later`)
    }
    try {
      await blobs.delete(digest)
    } catch (error) {
      await facts.releaseBlob(mark)
      throw error
    }
    await facts.forgetBlob(mark)
    return size
  }
}

function keyOf({ kind, repositoryId, digest }: DueItem): string {
  return `${kind} ${repositoryId} ${digest}`
}
