import type { Generated } from 'kysely'
import type { SwitchName } from './switch-facts.ts'

/**
 * The tables of metadata, one interface each. Times are milliseconds since 1970 (UTC). A row never points at bytes that
 * are not yet durable.
 */
export interface MetadataSchema {
  repositories: RepositoryTable
  blobs: BlobTable
  repository_blobs: RepositoryBlobTable
  manifests: ManifestTable
  manifest_references: ManifestReferenceTable
  tags: TagTable
  tag_history: TagHistoryTable
  uploads: UploadTable
  manifest_uses: ManifestUseTable
  trashed_manifests: TrashedManifestTable
  trashed_references: ManifestReferenceTable
  blob_claims: BlobClaimTable
  blob_removals: BlobRemovalTable
  collection_queue: CollectionQueueTable
  collection_rounds: CollectionRoundTable
  policies: PolicyTable
  pins: PinTable
  running_images: RunningImageTable
  retention_runs: RetentionRunTable
  retention_entries: RetentionEntryTable
  retention_turns: RetentionTurnTable
  blob_damages: BlobDamageTable
  upkeep_passes: UpkeepPassTable
  switches: SwitchTable
  backup_runs: BackupRunTable
  round_reports: RoundReportTable
  repository_sizes: RepositorySizeTable
  size_changes: SizeChangeTable
}

interface RepositoryTable {
  id: Generated<number>
  /** Unique. Of a deleted one a text that is no repository's name, so that no query by name finds it. */
  name: string
  created_at: number
  /** Set while a deleted repository can be restored: its former name, and by whom it was deleted. */
  trashed_name: Generated<string | null>
  trashed_at: Generated<number | null>
  trashed_by: Generated<string | null>
  /** Time from which on the history of its tags is whole; null: nothing of it was forgotten. */
  history_since: Generated<number | null>
}

/** Content in the store, once for all repositories. */
interface BlobTable {
  digest: string
  /** In bytes; -1 of a file that no fact has named yet. */
  size: number
  created_at: number
  /** Set while its bytes are not those of its digest: it is not served, and counts as absent. */
  quarantined_at: Generated<number | null>
}

/** The right to read a blob through a repository. */
interface RepositoryBlobTable {
  repository_id: number
  digest: string
  created_at: number
  /** Last push, mount or HEAD, on which a client may rely for a while; null: none since it was linked. */
  used_at: Generated<number | null>
}

interface ManifestTable {
  repository_id: number
  digest: string
  media_type: string
  artifact_type: string | null
  subject: string | null
  /** JSON object of strings, for the referrers list. */
  annotations: string | null
  size: number
  /** As pushed, never made anew. */
  bytes: Uint8Array
  created_at: number
}

/** Content that a manifest names. */
interface ManifestReferenceTable {
  repository_id: number
  manifest_digest: string
  kind: 'blob' | 'child'
  digest: string
}

interface TagTable {
  repository_id: number
  name: string
  digest: string
  /** Time of the last push of this tag, of the same manifest again, too. */
  updated_at: number
  /** Time and account with which it began to point at this manifest; null in rows of older versions. */
  started_at: Generated<number | null>
  started_by: Generated<string | null>
}

/** A period in which a tag pointed at a manifest, and which has ended. */
interface TagHistoryTable {
  id: Generated<number>
  repository_id: number
  name: string
  digest: string
  started_at: number
  started_by: string | null
  ended_at: number
  ended_by: string | null
  ended_how: TagEnd
}

/** The act that ended a period of a tag. */
export type TagEnd = 'moved' | 'deleted' | 'manifest-deleted' | 'expired'

/** Last push, pull, tagging or untagging of a manifest. */
interface ManifestUseTable {
  repository_id: number
  digest: string
  used_at: number
  /** Last pull alone; null: none. */
  pulled_at: Generated<number | null>
  /** Time from a push of its tags to their end, in milliseconds, from a label of the image; null: none. */
  expires_after: Generated<number | null>
}

/** A deleted manifest that can be restored, as it was in `manifests`. */
interface TrashedManifestTable extends ManifestTable {
  expires_after: Generated<number | null>
  trashed_at: number
  trashed_by: string | null
}

/** A push under way of content that the registry has had before: it is not removed for a while. */
interface BlobClaimTable {
  digest: string
  claimed_at: number
}

/** Content whose bytes are being removed. */
interface BlobRemovalTable {
  digest: string
  marked_at: number
}

/** Something that may not be needed any more, to be looked at once it has been so for long enough. */
interface CollectionQueueTable {
  kind: CollectedKind
  /** 0 for blobs, which belong to no repository. */
  repository_id: number
  /** Empty for repositories. */
  digest: string
  /** Time from which on it may not be needed. */
  since: number
  reason: string
}

/** A row for collection and one for retention: when it was last at work, and until when it waits. */
interface CollectionRoundTable {
  id: number
  at: number
  held_until: number
}

/** At most one row: the round of collection under way, or the last one that had something to do. */
interface RoundReportTable {
  id: number
  started_at: number
  noted_at: number
  /** Null: under way, or cut off. */
  ended_at: number | null
  looked_at: number
  repositories: number
  manifests: number
  blobs: number
  freed_bytes: number
  failed: number
}

/** At most one row: the policies of the operator, none before they were first set. */
interface PolicyTable {
  id: number
  /** Counts the changes. */
  version: number
  changed_at: number
  changed_by: string | null
  /** JSON of a `PolicyDocument`. */
  document: string
}

/** A damage that was found in stored bytes: the report of a quarantine, which ends with it and is kept for a while. */
interface BlobDamageTable {
  digest: string
  kind: DamageKind
  /** Code of the system with which the bytes cannot be read. */
  reason: string | null
  /** Size in bytes in the store. */
  found_size: number | null
  found_at: number
  /** Set if the wrong bytes are kept in the quarantine of the store. */
  set_aside_at: number | null
  ended_at: number | null
  ended_how: DamageEnd | null
}

/** A slow pass over all content, under way or the last one of its kind. */
interface UpkeepPassTable {
  kind: PassKind
  started_at: number
  ended_at: number | null
  /** The last digest that was looked at; empty: none yet. */
  position: string
  checked: number
  bytes: number
  found: number
  repaired: number
  /** The process that works on it, until that time unless it is noted again. */
  holder: string
  held_until: number
}

/**
 * Kinds of damage: the bytes have another digest, there are none, something that is no file is in their place, or they
 * cannot be read.
 */
export type DamageKind = 'changed' | 'absent' | 'no-file' | 'unreadable'

/** Ends of a quarantine: right bytes are pushed, fetched from another registry, or found in their place again. */
export type DamageEnd = 'pushed' | 'fetched' | 'found-whole'

/** Kinds of passes: `scrub` verifies stored bytes, `sweep` finds bytes that no fact names. */
export type PassKind = 'scrub' | 'sweep'

/** A manifest that an operator has pinned; the row of that manifest cannot be removed meanwhile. */
interface PinTable {
  repository_id: number
  digest: string
  /** The tag by which it was pinned. */
  tag: string | null
  reason: string | null
  pinned_at: number
  pinned_by: string | null
}

/** An image that containers of an engine run, or ran when it was last read. */
interface RunningImageTable {
  /** Id of the engine. */
  engine: string
  /** A name: no such repository need exist. */
  repository: string
  digest: string
  /** Name of the engine's machine. */
  host: string
  /** Names of containers, for people. */
  containers: string
  seen_at: number
}

/** A switch of the operator that is on. */
interface SwitchTable {
  name: SwitchName
  since: number
  /** Time at which it goes off by itself; null: by command only. */
  until: number | null
  set_by: string | null
  reason: string | null
}

/**
 * Bytes of what a repository holds: blobs, manifests, and manifests in the trash, each digest once. Triggers keep it, so
 * that every change of those tables counts, whatever makes it. A statement that adds or removes rows of several
 * repositories at once must be followed by `recountSizes()`.
 */
interface RepositorySizeTable {
  repository_id: number
  bytes: number
  /** Bytes of what no other repository holds. */
  unique_bytes: number
}

/** Changes of sizes that are not yet part of `repository_sizes`: so pushes to one repository do not wait for each other. */
interface SizeChangeTable {
  id: Generated<number>
  repository_id: number
  bytes: number
  unique_bytes: number
}

/** Kinds of what can be collected; each may set free those after it. */
export type CollectedKind = 'repository' | 'trashed' | 'manifest' | 'link' | 'blob'

/** A run of retention. */
interface RetentionRunTable {
  id: Generated<number>
  cause: 'schedule' | 'command'
  started_at: number
  /** Null while it runs, and of one that was cut off. */
  ended_at: number | null
  repositories: number
  tags_seen: number
  tags_ended: number
  /** Images without a tag that were removed. */
  images_removed: number
  /** Why it did nothing, or not all; null: it did all. */
  problem: string | null
}

/** Result of one rule in one repository in a run. */
interface RetentionEntryTable {
  run_id: number
  repository: string
  rule: string
  /** Tags that it ended. */
  tags: number
}

/** One row: the process that runs retention, and when the last run began. */
interface RetentionTurnTable {
  id: number
  begun_at: number
  /** While it runs: until when no other process begins. */
  held_until: number
  holder: string
}

/** An upload session. */
interface UploadTable {
  id: string
  repository: string
  /** Id of the account that opened it; the only one that may go on. */
  principal: string
  /** Number of durable bytes. */
  offset: number
  /** Data of the store of bytes for going on from there; only that store reads it. */
  state: string
  created_at: number
  updated_at: number
}

/** Result of a backup; `incomplete`: some blobs could not be read, all else is in it. */
export type BackupOutcome = 'complete' | 'incomplete' | 'failed'

/** A backup under way, or one that has ended. */
export interface BackupRunTable {
  id: string
  folder: string
  /** The time of the schedule that it is for; null: it was started by hand. */
  slot: number | null
  started_at: number
  /** Until then no bytes are removed. */
  held_until: number
  ended_at: number | null
  outcome: BackupOutcome | null
  generation: string | null
  problem: string | null
}
