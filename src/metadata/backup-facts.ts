import type { Digest } from '../oci/digest.ts'
import type { BackupOutcome } from './schema.ts'

/** Time for which a backup under way holds the bytes of all blobs after it was last renewed, in milliseconds. */
export const BACKUP_HOLDS_MS = 10 * 60_000

/** Most runs of which the database keeps a record. */
export const MAX_BACKUP_RUNS = 200

/** A backup that was begun. */
export interface BackupRun {
  readonly id: string
  /** The folder it goes to, as its process names it. */
  readonly folder: string
  readonly startedAt: Date
  /** Undefined: it is under way, or its process has ended without a word. */
  readonly endedAt: Date | undefined
  readonly outcome: BackupOutcome | undefined
  readonly generation: string | undefined
  /** Why it has failed, or which blobs are missing in it. */
  readonly problem: string | undefined
}

/** A blob that facts name. */
export interface NamedBlob {
  readonly digest: Digest
  /** In bytes; undefined if no fact says it. */
  readonly size: number | undefined
}

/** A manifest that clients can pull. */
export interface PullableManifest {
  readonly repository: string
  readonly repositoryId: number
  readonly digest: Digest
}

/** Facts about backups. Errors of all: as of `Metadata`. */
export interface BackupFacts {
  /**
   * Begins a backup: from now on no bytes are removed, for {@link BACKUP_HOLDS_MS}. `slot`: the time of the schedule that
   * it is for; undefined for one that was started by hand. Returns its id; undefined if another run has begun this
   * slot, and is under way, has ended well, or has failed less than `retryMs` ago.
   */
  beginBackup(run: {
    readonly folder: string
    readonly slot?: { readonly at: number; readonly retryMs: number } | undefined
  }): Promise<string | undefined>
  /** Holds the bytes further on; false if they were not held any more, so that some may be removed. */
  renewBackup(id: string): Promise<boolean>
  /** Ends a backup, and its hold. Without an outcome it was cut off by a stop, and its slot is free at once. */
  endBackup(
    id: string,
    end: {
      readonly outcome: BackupOutcome | undefined
      readonly generation?: string | undefined
      readonly problem?: string | undefined
    },
  ): Promise<void>
  /** The last runs, the newest first; at most `limit`. */
  listBackups(limit: number): Promise<BackupRun[]>
  /**
   * A page of the blobs that a repository, a manifest or the trash needs, by digest, behind `after`; at most `limit`.
   * Blobs without any of these are left out: they are about to be removed.
   */
  listNeeded(page: { readonly after: Digest | undefined; readonly limit: number }): Promise<NamedBlob[]>
  /** The bytes of a manifest from a row whose bytes have its digest, deleted ones included; undefined: there is none. */
  readManifest(digest: Digest): Promise<Uint8Array | undefined>
  /** A page of the manifests of all repositories that are not deleted, by repository and digest; at most `limit`. */
  listManifests(page: {
    readonly after: PullableManifest | undefined
    readonly limit: number
  }): Promise<PullableManifest[]>
  /**
   * Fits the facts of a backup to the place where they were restored: uploads have ended, as their bytes are not in it;
   * no backup is under way; and collection waits for a day, in which clients can pull what they use.
   */
  settleRestored(): Promise<void>
}
