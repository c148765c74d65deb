import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { BlobReader } from '../../blobs/blob-store.ts'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { createBackupFacts } from '../../metadata/backup/create-backup-facts.ts'
import type { BackupFacts } from '../../metadata/backup-facts.ts'
import { createCollectionFacts } from '../../metadata/collection/create-collection-facts.ts'
import { BackupError } from '../../upkeep/backup/backup-error.ts'
import {
  beginGeneration,
  FACTS_FILE,
  listGenerations,
  nameGeneration,
  readBackupMark,
} from '../../upkeep/backup/backup-folder.ts'
import { BlobListWriter } from '../../upkeep/backup/blob-list.ts'
import { type CopiedBlobs, copyNeeded } from '../../upkeep/backup/copy-needed.ts'
import {
  BACKUP_FORMAT,
  type Generation,
  readGenerationTime,
  toGenerationName,
} from '../../upkeep/backup/generation.ts'
import { type RemovedOld, removeOld } from '../../upkeep/backup/remove-old.ts'
import { requireRoom } from '../../upkeep/backup/require-room.ts'
import { copyStoredFile, syncAndHash } from '../../upkeep/backup/stored-files.ts'
import { Pace, type PaceLimits } from '../../upkeep/collect/pace.ts'
import { findPlaceHold } from '../collection/find-place-hold.ts'
import type { BerthSchema } from '../database/database-schema.ts'
import { type FormerSchema, SCHEMA_COUNT } from '../database/schema-state.ts'
import { AppError } from '../faults/app-error.ts'
import { databaseFile } from '../folders/data-folder.ts'
import { BackupHold } from './backup-hold.ts'
import { type FormerFacts, takeFormerFacts } from './former-facts.ts'
import { openBackupFolder, toFolderError, type WrittenBackupFolder } from './open-backup-folder.ts'
import { openSnapshot, snapshotFacts } from './snapshot-facts.ts'
import { storeOwnFiles } from './store-own-files.ts'

/** Runs read to see if a folder held backups before. */
const RUNS_READ = 200

/** Parts and options of a backup. */
interface BackupParts {
  readonly config: Config
  readonly database: Database<BerthSchema>
  /** The earlier schema that the database has; undefined: it has that of this version. */
  readonly former?: FormerSchema | undefined
  /** True if an SQLite database is only read, as its disk is full. */
  readonly isFrozen: boolean
  readonly blobs: Pick<BlobReader, 'stat' | 'send'>
  readonly place: Pick<BlobPlace, 'findForeignRepositories' | 'findOwnBlobs'>
  readonly folder: string
  /** Generations to keep; undefined: all. */
  readonly keep: number | undefined
  /** Reads and compares the copies that are there, too. */
  readonly isFull: boolean
  /** Begins anew in a folder that held backups before and is empty now. */
  readonly isNew: boolean
  /** Begins even if there is too little room for all of it. */
  readonly isForced: boolean
  readonly pace: PaceLimits
  readonly version: string
  readonly configFile: string | undefined
  /** As of `BackupFacts.beginBackup()`. */
  readonly slot?: { readonly at: number; readonly retryMs: number } | undefined
  readonly onProgress?: ((copied: CopiedBlobs) => void | Promise<void>) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Result of a backup. */
export interface BackupReport {
  readonly folder: string
  readonly generation: string
  readonly copied: CopiedBlobs
  /** Undefined: others read the folder, so that nothing was removed. */
  readonly removed: RemovedOld | undefined
  /** The operator's own files that could not be read. */
  readonly unread: readonly string[]
  readonly factsBytes: number
  /** Step of the schema that the facts have. */
  readonly schema: number
  /** False: the database took no note of the backup, as on a full disk; bytes were not held. */
  readonly isNoted: boolean
}

/**
 * Makes a generation: the facts at one moment, then the blobs that they need, which are held meanwhile. Undefined if another
 * node has taken the slot. Blobs that cannot be read are in the report. Errors: `BackupError`, `AppError`, `DatabaseError`.
 */
export async function runBackup(parts: BackupParts): Promise<BackupReport | undefined> {
  const { folder: name, slot, former } = parts
  const facts = createBackupFacts(parts.database)
  // A schema without the table of backups is of a version that made none.
  const hasRuns = former?.hasBackups !== false
  const isExpected = !parts.isNew && hasRuns && (await hadBackups(facts, name))
  const id = hasRuns ? await noted(() => facts.beginBackup({ folder: name, slot })) : { value: undefined }
  if (id === undefined) return undefined
  try {
    await using hold = id.value === undefined ? undefined : new BackupHold(facts, id.value)
    await using taken = former && (await takeFormerFacts(parts.config, former, parts.signal))
    const known = taken?.updated ?? parts.database
    await requireBlobs(parts, known)
    await using folder = await openBackupFolder(name, { config: parts.config, isExpected })
    if (!parts.isForced) await requireRoomFor(parts, folder, createBackupFacts(known))
    const made = await makeGeneration(parts, { folder, hold, taken })
    const removed = await removeUnneeded(parts, folder)
    const { bad, firstBad } = made.copied
    const problem = bad === 0 ? undefined : describeBad(bad, firstBad)
    const outcome = bad === 0 ? ('complete' as const) : ('incomplete' as const)
    await end(facts, id.value, { outcome, generation: made.generation, problem })
    return { ...made, folder: folder.path, removed, isNoted: id.value !== undefined || !hasRuns }
  } catch (thrown) {
    const error = toFolderError(thrown, name)
    const problem = error instanceof Error ? error.message : String(error)
    const outcome = parts.signal?.aborted ? undefined : ('failed' as const)
    await end(facts, id.value, { outcome, problem }).catch(() => {})
    throw error
  }
}

/** Names the first of the blobs that could not be read. */
export function describeBad(bad: number, first: readonly { digest: string; problem: string }[]): string {
  const named = first.slice(0, 3).map(({ digest, problem }) => `${digest} (${problem})`)
  return `${bad === 1 ? '1 blob is' : `${bad} blobs are`} not in it: ${named.join(', ')}${bad > 3 ? ' …' : ''}`
}

async function end(
  facts: BackupFacts,
  id: string | undefined,
  result: Parameters<BackupFacts['endBackup']>[1],
): Promise<void> {
  if (id !== undefined) await facts.endBackup(id, result)
}

/**
 * A database that cannot be written, as on a full disk, can be backed up all the same: nothing is removed meanwhile, since
 * that begins with a write to it.
 */
async function noted(
  begin: () => Promise<string | undefined>,
): Promise<{ readonly value: string | undefined } | undefined> {
  try {
    const id = await begin()
    return id === undefined ? undefined : { value: id }
  } catch (error) {
    const isStorage =
      error instanceof Error &&
      'code' in error &&
      (error.code === 'STORAGE_FULL' || error.code === 'UNAVAILABLE')
    if (!isStorage) throw error
    return { value: undefined }
  }
}

async function hadBackups(facts: BackupFacts, folder: string): Promise<boolean> {
  const runs = await facts.listBackups(RUNS_READ)
  return runs.some((run) => run.folder === folder && run.generation !== undefined)
}

/** Without its disk each blob would be missing. Errors: `AppError` `DATA_NOT_FOUND`. */
async function requireBlobs({ config, place }: BackupParts, database: Database<BerthSchema>): Promise<void> {
  const hold = await findPlaceHold({ place, facts: createCollectionFacts(database) })
  if (hold?.kind !== 'no-blobs') return
  throw new AppError(
    'DATA_NOT_FOUND',
    `There are no blobs in ${config.registryRoot}, and the database names some: it is the wrong folder, or its disk is not mounted`,
    'Mount the disk, or name the right folder with --data or BERTH_REGISTRY_ROOT',
  )
}

async function requireRoomFor(
  { config, blobs, signal }: BackupParts,
  { path, store }: WrittenBackupFolder,
  facts: BackupFacts,
): Promise<void> {
  // The size of the file that is made of PostgreSQL's rows is not known before.
  const file = config.database.engine === 'sqlite' ? databaseFile(config.dataDir) : undefined
  const factsBytes = file === undefined ? 0 : (await stat(file)).size
  await requireRoom({ facts, from: blobs, to: store, factsBytes, folder: path, signal })
}

type Made = Pick<BackupReport, 'generation' | 'copied' | 'unread' | 'factsBytes' | 'schema'>

/** Open parts of a generation. */
interface GenerationParts {
  readonly folder: WrittenBackupFolder
  readonly hold: BackupHold | undefined
  /** The facts of an earlier schema. */
  readonly taken: FormerFacts | undefined
}

async function makeGeneration(parts: BackupParts, { folder, hold, taken }: GenerationParts): Promise<Made> {
  const { config, signal } = parts
  const startedAt = new Date()
  const name = await findFreeName(folder.path, startedAt)
  const path = await beginGeneration(folder.path, name)
  const file = join(path, FACTS_FILE)
  if (taken) await copyStoredFile(taken.file, file)
  else await snapshotFacts(config, file, { isFrozen: parts.isFrozen, signal })
  const stored = await syncAndHash(file)
  const { files, unread } = await storeOwnFiles(config, path, parts.configFile)
  const { copied, list } = await copyBlobs(parts, { folder, hold, taken, path })
  await requireSameFolder(folder)
  const schema = parts.former?.count ?? SCHEMA_COUNT
  const generation: Generation = {
    ...{ format: BACKUP_FORMAT, name, version: parts.version, engine: config.database.engine },
    schema,
    ...{ startedAt: startedAt.toISOString(), endedAt: new Date().toISOString() },
    ...{ facts: { path: FACTS_FILE, ...stored }, list, files },
    ...{ blobs: copied.blobs, blobBytes: copied.bytes, bad: copied.bad, firstBad: copied.firstBad },
  }
  await nameGeneration(path, generation)
  return { generation: name, copied, unread, factsBytes: stored.bytes, schema }
}

async function copyBlobs(
  { blobs, isFull, pace, signal, onProgress }: BackupParts,
  { folder, hold, taken, path }: GenerationParts & { readonly path: string },
): Promise<{ copied: CopiedBlobs; list: Generation['list'] }> {
  await using list = await BlobListWriter.open(path)
  const own = taken ? undefined : await openSnapshot(join(path, FACTS_FILE))
  const snapshot = taken?.updated ?? own
  if (snapshot === undefined) throw new Error('A backup has no facts')
  try {
    const copied = await copyNeeded({
      ...{ from: blobs, to: folder.store, facts: createBackupFacts(snapshot), list },
      ...{ isFull, pace: new Pace(pace), signal, onProgress },
      beforePage: async () => hold?.require(),
    })
    hold?.require()
    return { copied, list: await list.end() }
  } finally {
    await own?.close()
  }
}

/** The time of its begin, or the second after the last generation: the clock may have been set back. */
async function findFreeName(folder: string, startedAt: Date): Promise<string> {
  const last = (await listGenerations(folder)).at(-1)?.generation.name
  const name = toGenerationName(startedAt)
  if (last === undefined || name > last) return name
  return toGenerationName(new Date(readGenerationTime(last).getTime() + 1_000))
}

/** A disk that was unmounted meanwhile has left another folder in its place. */
async function requireSameFolder({ path, id }: WrittenBackupFolder): Promise<void> {
  if ((await readBackupMark(path)) === id) return
  throw new BackupError(
    'BACKUP_FOLDER_UNUSABLE',
    `${path} is another folder than at the begin of the backup`,
    'See that its disk stays mounted, then run it again',
  )
}

/** Only after a new generation was named. */
async function removeUnneeded(
  { keep, signal }: BackupParts,
  folder: WrittenBackupFolder,
): Promise<RemovedOld | undefined> {
  let removed: RemovedOld | undefined
  await folder.whileUnread(async () => {
    removed = await removeOld({ folder: folder.path, store: folder.store, keep, signal })
  })
  return removed
}
