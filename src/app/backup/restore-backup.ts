import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobReader } from '../../blobs/blob-store.ts'
import type { Config } from '../../config/config.ts'
import type { AnyTables } from '../../database/copy/copied-table.ts'
import { CopyError } from '../../database/copy/copy-error.ts'
import { SQLITE_COUNTERS } from '../../database/sqlite/sqlite-counters.ts'
import { syncFolder } from '../../files/durable.ts'
import { BackupError } from '../../upkeep/backup/backup-error.ts'
import { DATA_FILES, type FoundGeneration, SETTINGS_FILES } from '../../upkeep/backup/backup-folder.ts'
import { type ReadBlobs, restoreBlobs } from '../../upkeep/backup/restore-blobs.ts'
import { restoreTree } from '../../upkeep/backup/restore-tree.ts'
import { writeStoredFile } from '../../upkeep/backup/stored-files.ts'
import { copyFacts } from '../database/copy-facts.ts'
import { formatDatabaseName, toDatabasePlace } from '../database/database-place.ts'
import { MIGRATION_SETS } from '../database/database-schema.ts'
import { hasDatabase } from '../database/lost-database.ts'
import { toAppError } from '../faults/system-fault.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { databaseFile, lockDataFolder, prepareFolder, RESTORE_MARK } from '../folders/data-folder.ts'
import { openRestoredFacts, restoreFacts } from './restore-facts.ts'

/** Folder of the facts until the bytes are there. */
const FACTS_FOLDER = 'restore-facts'
/** Folder of the operator's own files, for looking them up. */
const SETTINGS_FOLDER = 'restored-settings'
/** Entries of a folder that counts as empty: those of its file system, of locks, and of an unfinished restore. */
const OF_NOTHING = [
  ...['lost+found', 'server.lock', 'workers.lock', 'snapshots.lock'],
  ...[RESTORE_MARK, `${RESTORE_MARK}.new`, FACTS_FOLDER, SETTINGS_FOLDER],
]

/** Options of a restore. */
interface RestoreOptions {
  readonly backupId: string
  readonly found: FoundGeneration
  readonly from: Pick<BlobReader, 'stat' | 'send' | 'verify'>
  /** The target. */
  readonly config: Pick<Config, 'dataDir' | 'registryRoot' | 'database'>
  /** True: blobs and certificates that are there already stay; only a database must be missing. */
  readonly keepsFiles: boolean
  readonly keepsLogIns: boolean
  readonly onProgress?: ((read: ReadBlobs) => void) | undefined
}

/** Result of a restore. */
export interface RestoreReport {
  readonly generation: string
  readonly startedAt: string
  readonly dataDir: string
  readonly blobs: ReadBlobs
  /** Files beside database and blobs whose copies in the backup are damaged. */
  readonly badFiles: readonly string[]
  /** Folder with copies of the operator's own files; undefined: there are none. */
  readonly settingsFolder: string | undefined
}

/**
 * Restores a generation: bytes first, the facts last, so that no server serves a part of it. A run that was ended goes on when
 * it is run again. Errors: `BackupError`, `AppError`, `DatabaseError`, `CopyError`.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const { config, found } = options
  const { dataDir } = config
  await prepareFolder(dataDir)
  using _lock = lockDataFolder(dataDir)
  const isUnderWay = await requireTarget(options)
  const facts = join(dataDir, FACTS_FOLDER)
  // The facts come last: a server may have changed them since.
  const isPlaced = isUnderWay && config.database.engine === 'sqlite' && hasDatabase(dataDir)
  try {
    if (!isUnderWay) await writeMark(options)
    if (!isPlaced) await restoreFacts(found, { folder: facts, keepsLogIns: options.keepsLogIns })
    const blobs = await bringBlobs(options)
    const badFiles = [
      ...(await restoreTree(found, { tree: DATA_FILES, to: dataDir })),
      ...(await restoreTree(found, { tree: SETTINGS_FILES, to: join(dataDir, SETTINGS_FOLDER) })),
    ]
    if (!isPlaced) await placeFacts(options, { facts, isUnderWay })
    await syncFolder(dataDir)
    await rm(facts, { recursive: true, force: true })
    // Last: while it is there, a run goes on, and removes what an ended one has left.
    await rm(join(dataDir, RESTORE_MARK), { force: true })
    const { name, startedAt, files } = found.generation
    const hasSettings = files.some(({ path }) => path.startsWith(`${SETTINGS_FILES}/`))
    const settingsFolder = hasSettings ? join(dataDir, SETTINGS_FOLDER) : undefined
    return { generation: name, startedAt, dataDir, blobs, badFiles, settingsFolder }
  } catch (error) {
    throw toAppError(error, 'data', dataDir)
  }
}

async function bringBlobs({ config, found, from, onProgress }: RestoreOptions): Promise<ReadBlobs> {
  const to = await createBlobPlace(config).open()
  try {
    return await restoreBlobs(found, { from, to, onProgress })
  } finally {
    await to.close()
  }
}

/** From now on they count. */
async function placeFacts(
  { config, backupId, found }: RestoreOptions,
  { facts, isUnderWay }: { facts: string; isUnderWay: boolean },
): Promise<void> {
  if (config.database.engine === 'sqlite') {
    await rename(databaseFile(facts), databaseFile(config.dataDir))
    return
  }
  const [{ openPostgresDatabase }, { POSTGRES_COUNTERS }] = await Promise.all([
    import('../../database/postgres/open-postgres.ts'),
    import('../../database/postgres/postgres-counters.ts'),
  ])
  const source = await openRestoredFacts(facts)
  try {
    const target = await openPostgresDatabase<AnyTables>(
      { ...config.database, listen: 'off', applicationName: `berth restore ${process.pid}` },
      { migrations: MIGRATION_SETS },
    )
    try {
      await copyFacts({
        source: { name: nameSource(backupId, found), database: source, counters: SQLITE_COUNTERS },
        target: { name: formatDatabaseName(config.database), database: target, counters: POSTGRES_COUNTERS },
        // Facts are settled anew by each run, so that a part of the former one would differ.
        isFresh: true,
      })
    } catch (error) {
      // It was empty when the restore began: an earlier run has copied all, and ended before the mark was removed.
      const isDone = isUnderWay && error instanceof CopyError && error.code === 'COPY_TARGET_NOT_EMPTY'
      if (!isDone) throw error
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** The same for each run, by which an unfinished copy is recognized. */
function nameSource(backupId: string, { generation }: FoundGeneration): string {
  return `generation ${generation.name} of the backups ${backupId}`
}

/** True if a restore of this generation is under way there. Errors: `BackupError` `RESTORE_TARGET_NOT_EMPTY`. */
async function requireTarget(options: RestoreOptions): Promise<boolean> {
  const { config, found, backupId, keepsFiles } = options
  const { dataDir } = config
  const mark = await readMark(dataDir)
  if (mark !== undefined) {
    if (mark.backup === backupId && mark.generation === found.generation.name) return true
    throw notEmpty(
      `${dataDir} holds a restore of another generation, ${mark.generation}, that has not ended`,
      'Go on with that one (--generation), or empty the folder',
    )
  }
  if (hasDatabase(dataDir)) {
    throw notEmpty(
      `${dataDir} holds a database`,
      'Restore into an empty folder (--to), or move this one away first: nothing that is there is overwritten',
    )
  }
  if (!keepsFiles) {
    const folders = [...new Set([dataDir, ...createBlobPlace(config).folders])]
    for (const folder of folders) await requireEmpty(folder, folders)
  }
  await requireEmptyPostgres(config)
  return false
}

async function requireEmpty(folder: string, folders: readonly string[]): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  // The data folder may be inside the folder of the blobs.
  const other = names.find((name) => !OF_NOTHING.includes(name) && !folders.includes(join(folder, name)))
  if (other === undefined) return
  throw notEmpty(
    `${folder} is not empty: it holds "${other}"`,
    'Restore into an empty folder (--to); or, if only the database is lost, keep the blobs that are there with --keep-files',
  )
}

async function requireEmptyPostgres({ database }: Pick<Config, 'database'>): Promise<void> {
  if (database.engine !== 'postgres') return
  const { isEmptyPostgres } = await import('../../database/postgres/postgres-report.ts')
  if (await isEmptyPostgres(database)) return
  throw notEmpty(
    `The database ${formatDatabaseName(toDatabasePlace({ database, dataDir: '' }))} holds tables of Berth`,
    'Restore into an empty database: nothing that is there is overwritten',
  )
}

function notEmpty(message: string, remedy: string): BackupError {
  return new BackupError('RESTORE_TARGET_NOT_EMPTY', message, remedy)
}

async function readMark(dataDir: string): Promise<{ backup: unknown; generation: unknown } | undefined> {
  try {
    return JSON.parse(await readFile(join(dataDir, RESTORE_MARK), 'utf8')) as {
      backup: unknown
      generation: unknown
    }
  } catch {
    return undefined
  }
}

async function writeMark({ config, backupId, found }: RestoreOptions): Promise<void> {
  const path = join(config.dataDir, RESTORE_MARK)
  const mark = { backup: backupId, generation: found.generation.name }
  await writeStoredFile(`${path}.new`, `${JSON.stringify(mark)}\n`)
  await rename(`${path}.new`, path)
  await syncFolder(config.dataDir)
}
