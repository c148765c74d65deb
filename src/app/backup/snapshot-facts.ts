import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import type { AnyTables } from '../../database/copy/copied-table.ts'
import { copySnapshot } from '../../database/copy/copy-snapshot.ts'
import type { Database } from '../../database/database.ts'
import { closeSqliteFile, copySqliteOnline } from '../../database/sqlite/copy-online.ts'
import { openSqliteDatabase } from '../../database/sqlite/open-sqlite.ts'
import { SQLITE_COUNTERS } from '../../database/sqlite/sqlite-counters.ts'
import { BackupError } from '../../upkeep/backup/backup-error.ts'
import { copyStoredFile } from '../../upkeep/backup/stored-files.ts'
import { COPIED_TABLES } from '../database/copied-tables.ts'
import { type BerthSchema, MIGRATION_SETS } from '../database/database-schema.ts'
import type { FormerSchema } from '../database/schema-state.ts'
import { toAppError } from '../faults/system-fault.ts'
import { databaseFile, shareFileLock, takeFileLock } from '../folders/data-folder.ts'

/** Begin of the names of folders in which facts of PostgreSQL are collected. */
export const FOLDER_PREFIX = 'backup-'

/**
 * Writes the facts of a configuration, as they are at one moment, into an SQLite file that does not exist yet, while
 * servers and commands go on. Errors: `AppError`, `DatabaseError`, `CopyError`; the reason of the signal.
 */
export async function snapshotFacts(
  { database, dataDir }: Pick<Config, 'database' | 'dataDir'>,
  file: string,
  { isFrozen, signal }: { isFrozen: boolean; signal: AbortSignal | undefined },
): Promise<void> {
  if (database.engine === 'sqlite') {
    try {
      return await copySqliteOnline(databaseFile(dataDir), file, { isFrozen, signal })
    } catch (error) {
      throw toAppError(error, 'database', databaseFile(dataDir))
    }
  }
  using _lock = await claimSnapshots(dataDir)
  // Here and not beside the file: SQLite's log does not work on all file systems of a network.
  const folder = await mkdtemp(join(dataDir, FOLDER_PREFIX))
  try {
    const local = join(folder, 'facts.db')
    await copyPostgres(database, local, { signal })
    await copyStoredFile(local, file)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Keeps others from removing the copies that are under way in a data folder, until it is disposed. While no one makes one,
 * those that a killed process has left are removed: each is as large as all facts. Errors: `BackupError` `BACKUP_FOLDER_BUSY`.
 */
export async function claimSnapshots(dataDir: string): Promise<Disposable> {
  const file = join(dataDir, 'snapshots.lock')
  const alone = takeFileLock(file, 0)
  if (alone) {
    try {
      for (const name of await readdir(dataDir))
        if (name.startsWith(FOLDER_PREFIX)) await rm(join(dataDir, name), { recursive: true, force: true })
    } finally {
      alone[Symbol.dispose]()
    }
  }
  const lock = shareFileLock(file)
  if (lock) return lock
  throw new BackupError(
    'BACKUP_FOLDER_BUSY',
    `Another backup of ${dataDir} removes what an earlier one has left`,
    'Run it again in a moment',
  )
}

/** Options of {@link copyPostgres}. */
interface CopyOptions {
  /** An earlier schema, which the file gets, too; undefined: that of this version. */
  readonly schema?: FormerSchema | undefined
  readonly signal: AbortSignal | undefined
}

/** Writes the rows of a PostgreSQL database into an SQLite file that does not exist yet. */
export async function copyPostgres(
  target: Config['database'] & { engine: 'postgres' },
  file: string,
  { schema, signal }: CopyOptions,
): Promise<void> {
  const [{ readPostgresSnapshot }, { POSTGRES_COUNTERS }] = await Promise.all([
    import('../../database/postgres/read-snapshot.ts'),
    import('../../database/postgres/postgres-counters.ts'),
  ])
  const migrations = schema?.migrations ?? MIGRATION_SETS
  const database = await openSqliteDatabase<AnyTables>(file, { migrations })
  const names = await listTables(database)
  const tables = COPIED_TABLES.filter(({ name }) => names.has(name))
  try {
    await readPostgresSnapshot<AnyTables, void>(
      { ...target, applicationName: `berth backup ${process.pid}` },
      (queries) =>
        copySnapshot(
          { queries, counters: POSTGRES_COUNTERS },
          { target: { name: file, database, counters: SQLITE_COUNTERS }, tables, signal },
        ),
    )
  } finally {
    await database.close()
  }
  await closeSqliteFile(file)
}

/** Names of the tables: an earlier schema has fewer. */
async function listTables(database: Database<AnyTables>): Promise<ReadonlySet<string>> {
  const rows = await database.read
    .selectFrom('sqlite_schema')
    .select('name')
    .where('type', '=', 'table')
    .execute()
  return new Set(rows.map(({ name }) => String(name)))
}

/** Opens facts that no one else uses, to read them as they are. */
export function openSnapshot(file: string): Promise<Database<BerthSchema>> {
  return openSqliteDatabase<BerthSchema>(file, { migrations: MIGRATION_SETS, isFrozen: true })
}
