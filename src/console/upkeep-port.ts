/** Content that waits to be removed, by kind. */
interface QueuedContent {
  readonly kind: string
  readonly count: number
  readonly firstDue: Date | undefined
}

/** The round of collection under way, or the last one. */
interface CollectionRound {
  readonly startedAt: Date
  readonly endedAt: Date | undefined
  readonly lookedAt: number
  readonly manifests: number
  readonly blobs: number
  readonly freedBytes: number
  readonly failed: number
}

/** State of collection, as `berth gc status` shows it. */
export interface CollectionState {
  readonly queue: readonly QueuedContent[]
  /** Why servers remove nothing; undefined: they do. */
  readonly held: string | undefined
  /** Entries that should have been removed more than a day ago. */
  readonly late: number
  readonly round: CollectionRound | undefined
}

/** State of scrubbing, as `berth scrub status` shows it. */
export interface ScrubState {
  readonly pass:
    | {
        readonly startedAt: Date
        readonly endedAt: Date | undefined
        readonly isHeld: boolean
        readonly checked: number
        readonly bytes: number
        readonly found: number
        readonly repaired: number
      }
    | undefined
  readonly next: Date | undefined
  readonly content: { readonly count: number; readonly bytes: number }
  readonly damages: { readonly count: number; readonly since: Date | undefined }
}

/** Damaged content, as `berth scrub list` shows it. */
interface DamagedContent {
  readonly digest: string
  readonly kind: string
  readonly size: number
  readonly foundAt: Date
  readonly repositories: readonly string[]
  readonly images: readonly {
    readonly repository: string
    readonly digest: string
    readonly tags: readonly string[]
  }[]
}

/** A backup, as `berth backup list` shows it. */
interface BackupRecord {
  readonly startedAt: Date
  readonly endedAt: Date | undefined
  readonly outcome: string | undefined
  readonly generation: string | undefined
  readonly problem: string | undefined
}

/** A run of retention. */
export interface RetentionRecord {
  readonly id: number
  readonly cause: string
  readonly startedAt: Date
  readonly endedAt: Date | undefined
  readonly repositories: number
  readonly tagsSeen: number
  readonly tagsEnded: number
  readonly imagesRemoved: number
  readonly problem: string | undefined
}

/** The verdict of retention about a tag. */
export interface RetentionVerdict {
  readonly repository: string
  /** Undefined: an image without a tag. */
  readonly name: string | undefined
  readonly digest: string
  readonly verdict: { readonly isKept: boolean; readonly rule: string | undefined; readonly why: string }
}

/**
 * Upkeep of the stored content, as commands do it. What `start…()` begins goes on in this server after the call; it ends
 * with the server. Errors of those: `ApiError` `BUSY` if it is under way here or elsewhere, `HELD` if it may not be done.
 */
export interface UpkeepControl {
  readCollection(): Promise<CollectionState>
  startCollection(): Promise<void>
  readScrub(): Promise<ScrubState>
  startScrub(): Promise<void>
  /** By digest, behind `after`; at most `limit`. */
  listDamages(page: { limit: number; after: string | undefined }): Promise<readonly DamagedContent[]>
  /** The newest first; at most `limit`. */
  listBackups(limit: number): Promise<readonly BackupRecord[]>
  /** The newest first; at most `limit`. */
  listRetentionRuns(limit: number): Promise<readonly RetentionRecord[]>
  /** Undefined: there is none. */
  findRetentionRun(id: number): Promise<
    | {
        readonly run: RetentionRecord
        readonly entries: readonly { repository: string; rule: string; tags: number }[]
      }
    | undefined
  >
  /** Verdicts about the tags of repositories; `policies`: a document in place of those in force. Errors: `ApiError` `POLICY_INVALID`. */
  planRetention(options: { pattern: string | undefined; policies: unknown }): AsyncIterable<RetentionVerdict>
  startRetention(pattern: string | undefined): Promise<void>
}
