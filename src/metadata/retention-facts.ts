import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { RetentionAspect } from '../policies/retention/retention-rules.ts'

/** A tag of a repository with the times of its image, in milliseconds since 1970. */
export interface RetainedTag {
  readonly name: Tag
  readonly digest: Digest
  readonly pushedAt: number
  /** Last pull of the image, by whatever name. */
  readonly pulledAt: number | undefined
  /** Time from the push to the end, from a label of the image, in milliseconds. */
  readonly expiresAfterMs: number | undefined
}

/** Place in the list of a repository's tags, which are in the order of their images' digests, then of their names. */
export interface TagPlace {
  readonly digest: string
  readonly name: string
}

/** An image whose tags are to end, as it was when that was decided. */
export interface ExpiringImage {
  readonly digest: Digest
  readonly pulledAt: number | undefined
  /** Number of all its tags; those beyond `tags` end later, or have ended. */
  readonly tagCount: number
  readonly tags: readonly { readonly name: Tag; readonly pushedAt: number; readonly by: string }[]
}

/** Facts that the decisions about the images of a repository depend on. */
export interface RetentionBasis {
  /** The rules in force when they were made. */
  readonly aspect: RetentionAspect
  /** Time before the first of them, in milliseconds. */
  readonly decidedAt: number
  /** The end of the history of tags at that time, or after the last transaction. */
  readonly historyEnd: number
}

/** An image that was to lose its tags, and keeps them. */
export interface SparedImage {
  readonly digest: Digest
  readonly why: string
}

/** Result of one transaction. */
export interface ExpiredTags {
  readonly ended: readonly Tag[]
  readonly spared: readonly SparedImage[]
  /** The end of the history of tags after it. */
  readonly historyEnd: number
  /**
   * Why no decision about the repository holds any more: its rules are others, or somebody deleted a tag, so that others
   * are now among the newest. Nothing ended then.
   */
  readonly outdated: string | undefined
}

/** A run of retention. */
export interface RetentionRun {
  readonly id: number
  readonly cause: 'schedule' | 'command'
  readonly startedAt: Date
  /** Undefined while it runs, and of one that was cut off. */
  readonly endedAt: Date | undefined
  readonly repositories: number
  readonly tagsSeen: number
  readonly tagsEnded: number
  /** Images without a tag that were removed. */
  readonly imagesRemoved: number
  /** Why it did nothing, or not all. */
  readonly problem: string | undefined
}

/** Result of one rule in one repository. */
export interface RetentionEntry {
  readonly repository: RepositoryName
  readonly rule: string
  readonly tags: number
}

/** Result of a run, for its log. */
export type RetentionTotals = Pick<
  RetentionRun,
  'repositories' | 'tagsSeen' | 'tagsEnded' | 'imagesRemoved' | 'problem'
>

/** Facts by which old tags are removed. Errors of all: as of `Metadata`. */
export interface RetentionFacts {
  /** The database's clock, in milliseconds since 1970. */
  now(): number
  /** Tags behind a place, or those of one image; at most `limit`. None if there is no such repository. */
  listRetained(
    repository: RepositoryName,
    page: { after?: TagPlace | undefined; digest?: Digest | undefined; limit: number },
  ): Promise<RetainedTag[]>
  /** True if an image of the repository has a label that lets it expire. */
  hasLabels(repository: RepositoryName): Promise<boolean>
  /** Those of the digests that are manifests of the repository, stored or in the trash; at most 500. */
  findStored(repository: RepositoryName, digests: readonly string[]): Promise<ReadonlySet<string>>
  /** Images that may not lose their tags whatever the rules, with the reason; at most 500. */
  findProtected(repository: RepositoryName, digests: readonly Digest[]): Promise<ReadonlyMap<string, string>>
  /** The end of the history of tags, from which on later ends are looked for. */
  findHistoryEnd(): Promise<number>
  /**
   * Ends tags of images, at most 500 of them, in one transaction, as a deletion by a user does. An image that was pulled,
   * tagged, pushed or protected since the decision keeps all its tags.
   */
  expireTags(
    repository: RepositoryName,
    images: readonly ExpiringImage[],
    basis: RetentionBasis,
  ): Promise<ExpiredTags>
  /** Manifests that had no tag at some time before, and may have none now, by digest; at most `limit`. */
  listUntagged(
    repository: RepositoryName,
    page: { after: string; limit: number; since: number },
  ): Promise<{ readonly repositoryId: number; readonly digest: Digest }[]>
  /**
   * Lets one process run retention for `holdMs`: 'busy' while another one does, 'early' if the last run began less than
   * `everyMs` ago. `isPartial`: a run over some repositories, which puts off no run over all.
   */
  takeTurn(turn: {
    holder: string
    holdMs: number
    everyMs: number
    isPartial?: boolean
  }): Promise<'taken' | 'busy' | 'early'>
  /** Holds the turn for longer; false if it is another process's meanwhile. */
  holdTurn(holder: string, holdMs: number): Promise<boolean>
  endTurn(holder: string): Promise<void>
  /** Time until which nothing may be removed by itself, after a pause of more than a day; see `CollectionFacts.noteWork`. */
  noteWork(): Promise<Date | undefined>
  /** Begins the log of a run. The logs of runs beyond the newest 1,000 go. Returns its number. */
  beginRun(cause: RetentionRun['cause']): Promise<number>
  /** Ends the log of a run; of the entries the first 1,000 are kept. */
  endRun(id: number, totals: RetentionTotals, entries: readonly RetentionEntry[]): Promise<void>
  /** Runs, the latest first; at most `limit`. */
  listRuns(limit: number): Promise<RetentionRun[]>
  /** A run with its results by repository and rule; undefined if there is no log of it. */
  findRun(id: number): Promise<{ run: RetentionRun; entries: RetentionEntry[] } | undefined>
  /**
   * The time at which the last run over all repositories began, by schedule or command (undefined: there was none), and
   * until when a process holds the turn.
   */
  findTurn(): Promise<{ begunAt: Date | undefined; heldUntil: Date } | undefined>
}
