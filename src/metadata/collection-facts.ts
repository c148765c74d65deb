import type { Digest } from '../oci/digest.ts'
import type { CollectedKind } from './schema.ts'

/**
 * Facts about what is no longer needed. Content is removed in the order of a queue: events put into it what they may
 * have made unneeded, and each entry is looked at again, in one transaction, when it is due.
 */

/** Times for which content is kept, in milliseconds. */
export interface CollectionPolicy {
  /** Kept after its last tag, push or pull, and after it was deleted: as long it can be restored. */
  readonly keepMs: number
  /** Time for which a client may rely on a blob of a repository that no manifest there names yet. */
  readonly relyMs: number
}

/** Time within which bytes are removed after the look that marked them, in milliseconds. */
export const REMOVED_WITHIN_MS = 30_000

/** Entry of the queue. */
export interface DueItem {
  readonly kind: CollectedKind
  /** 0 for blobs. */
  readonly repositoryId: number
  /** Name of the repository, the former one of a deleted one; undefined for blobs. */
  readonly repository: string | undefined
  /** Empty for repositories. */
  readonly digest: string
  /** The event that may have made it unneeded. */
  readonly reason: string
  readonly since: Date
}

/** Why an entry of the queue stays, or needs none. */
export type Kept =
  /** It is needed, or it is gone: no entry is left. */
  | { readonly kind: 'kept'; readonly why: string }
  /** It may be removed from then on. */
  | { readonly kind: 'postponed'; readonly until: Date; readonly why: string }

/** Result of a look at an entry. */
export type LookOutcome =
  | Kept
  /** Its facts are removed; what it named is queued. */
  | { readonly kind: 'removed' }
  /** The registry is read-only, or collection is paused: nothing is changed. Only for facts of a server. */
  | { readonly kind: 'held' }
  /** A part of its facts is removed; the entry stays for the rest. */
  | { readonly kind: 'continued' }
  /**
   * No fact names the blob, and none will before {@link CollectionFacts.forgetBlob}. Its bytes can be removed within
   * {@link REMOVED_WITHIN_MS}, and never after that: another process may take the removal over.
   */
  | ({ readonly kind: 'marked' } & BlobMark)

/** An entry, and what would become of it. */
export interface Previewed {
  readonly item: DueItem
  /** Undefined: it would be removed. */
  readonly kept: Kept | undefined
  /** 0 for what is kept. */
  readonly bytes: number
}

/** A mark of bytes that are being removed; another process that takes the removal over makes a later one. */
export interface BlobMark {
  readonly digest: Digest
  /** In milliseconds since 1970. */
  readonly markedAt: number
}

/** Entries of one kind. */
export interface QueueTotals {
  readonly kind: CollectedKind
  readonly count: number
  /** The longest due time of all, in the past or the future; undefined without entries. */
  readonly firstDue: Date | undefined
}

/** Finding and removing what is no longer needed. Errors of all: as of `Metadata`. */
export interface CollectionFacts {
  /**
   * Notes that collection is at work. Returns the time until which nothing may be removed by itself: a day after a
   * pause of more than a day, in which nobody could pull, or after a jump of the clock.
   */
  noteWork(): Promise<Date | undefined>
  /** Entries that are due, of kinds that set others free first, the oldest first; at most `limit`. */
  listDue(policy: CollectionPolicy, limit: number): Promise<DueItem[]>
  /** Looks at an entry again and removes the facts of what is no longer needed. */
  look(
    item: Pick<DueItem, 'kind' | 'repositoryId' | 'digest'>,
    policy: CollectionPolicy,
  ): Promise<LookOutcome>
  /**
   * Judgements of entries as {@link look} makes them, in their order, without a transaction: reads only. Undefined: it would be
   * removed.
   */
  judge(
    items: readonly Pick<DueItem, 'kind' | 'repositoryId' | 'digest'>[],
    policy: CollectionPolicy,
  ): Promise<(Kept | undefined)[]>
  /**
   * The same with bytes. `bytes`: those that its removal frees, with the
   * images of an index and the referrers that go with it. Content that several entries hold counts with the first. Less than what is
   * freed if several repositories share content that goes from all of them.
   */
  preview(items: readonly DueItem[], policy: CollectionPolicy): Promise<Previewed[]>
  /** Manifests that no tag names and that are kept because they are pinned or run, with the reason; at most `limit` of each. */
  listInUse(
    limit: number,
  ): Promise<{ readonly repository: string; readonly digest: string; readonly why: string }[]>
  /** Removes the row and the mark of a blob whose bytes are removed; nothing if the mark is no longer in force. */
  forgetBlob(mark: BlobMark): Promise<void>
  /** Ends a mark whose removal has failed: a push may store the blob, and the next look may mark it, without a wait. */
  releaseBlob(mark: BlobMark): Promise<void>
  /** Those of the blobs that no fact names, which then are queued, to be removed after `graceMs`; at most 1,000. Returns their number. */
  queueUnknown(digests: readonly Digest[], graceMs: number): Promise<number>
  /** Removes the history of tags that can no longer be restored, and old claims: at most `limit` of each; their number. */
  forgetHistory(policy: CollectionPolicy, limit: number): Promise<number>
  /** True if there is a fact of any blob, needed or not. */
  hasBlobs(): Promise<boolean>
  /** Due times of the first entry of each kind that has one: by an index, however many entries there are. */
  findFirstDue(policy: CollectionPolicy): Promise<Pick<QueueTotals, 'kind' | 'firstDue'>[]>
  /** Number of entries that have been due for at least this time, in milliseconds. */
  countDue(policy: CollectionPolicy, forMs: number): Promise<number>
  /** Numbers of entries by kind, all of which are read. */
  countQueue(policy: CollectionPolicy): Promise<QueueTotals[]>
}
