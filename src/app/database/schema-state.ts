import { DatabaseSync } from 'node:sqlite'
import type { Config } from '../../config/config.ts'
import { migrationsWithin, missingMigrations } from '../../database/migrate.ts'
import type { MigrationSet } from '../../database/migrations.ts'
import { connectFrozen, emptyLog } from '../../database/sqlite/frozen-file.ts'
import { AppError } from '../faults/app-error.ts'
import { toAppError } from '../faults/system-fault.ts'
import { databaseFile } from '../folders/data-folder.ts'
import { MIGRATION_SETS } from './database-schema.ts'

/** False: opening the database would update its schema, which checks that only look must not do. Errors: `AppError` of the place `database`, `DatabaseError`. */
export async function isUpToDate({ dataDir, database }: Config): Promise<boolean> {
  return missingMigrations(MIGRATION_SETS, await readRecord({ dataDir, database })).length === 0
}

/** The schema of a database of an earlier version. */
export interface FormerSchema {
  /** The migrations that it has. */
  readonly migrations: readonly MigrationSet[]
  /** The number of them. */
  readonly count: number
  /** True if it has the table of unfinished copies, and that of backups. */
  readonly hasCopies: boolean
  readonly hasBackups: boolean
}

/** Number of the migrations of this version. */
export const SCHEMA_COUNT: number = countMigrations(MIGRATION_SETS)

/** The schema of a database of an earlier version; undefined if it is that of this one. Errors: as of {@link isUpToDate}. */
export async function findFormerSchema(
  config: Pick<Config, 'dataDir' | 'database'>,
): Promise<FormerSchema | undefined> {
  const record = await readRecord(config)
  const missing = missingMigrations(MIGRATION_SETS, record)
  if (missing.length === 0) return undefined
  const migrations = migrationsWithin(MIGRATION_SETS, record)
  return {
    migrations,
    count: countMigrations(migrations),
    hasCopies: !missing.includes('copy/001-progress'),
    hasBackups: !missing.includes('metadata/015-backup-runs'),
  }
}

function countMigrations(sets: readonly MigrationSet[]): number {
  return sets.flatMap(({ migrations }) => Object.keys(migrations)).length
}

/** Names of the migrations that the database has run. */
async function readRecord({ dataDir, database }: Pick<Config, 'dataDir' | 'database'>): Promise<string[]> {
  if (database.engine === 'postgres') {
    const { readPostgresReport } = await import('../../database/postgres/postgres-report.ts')
    return [...((await readPostgresReport(database, [])).migrations ?? [])]
  }
  const path = databaseFile(dataDir)
  try {
    return readNames(new DatabaseSync(path, { readOnly: true }))
  } catch (error) {
    const fault = toAppError(error, 'database', path)
    if (!(fault instanceof AppError) || fault.code !== 'STORAGE_FULL') throw fault
    return readWithoutRoom(path, fault)
  }
}

/** On a full disk there is no room for the files that SQLite makes beside a database to read it. Errors: `fault`. */
function readWithoutRoom(path: string, fault: AppError): string[] {
  try {
    emptyLog(path)
    return readNames(connectFrozen(path))
  } catch {
    throw fault
  }
}

function readNames(file: DatabaseSync): string[] {
  using open = file
  return open
    .prepare('select name from kysely_migration')
    .all()
    .map(({ name }) => String(name))
}
