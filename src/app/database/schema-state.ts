import { DatabaseSync } from 'node:sqlite'
import type { Config } from '../../config/config.ts'
import { missingMigrations } from '../../database/migrate.ts'
import { toAppError } from '../faults/system-fault.ts'
import { databaseFile } from '../folders/data-folder.ts'
import { MIGRATION_SETS } from './database-schema.ts'

/** False: opening the database would update its schema, which checks that only look must not do. Errors: `AppError` of the place `database`, `DatabaseError`. */
export async function isUpToDate({ dataDir, database }: Config): Promise<boolean> {
  return missingMigrations(MIGRATION_SETS, await readRecord({ dataDir, database })).length === 0
}

/** Names of the migrations that the database has run. */
async function readRecord({ dataDir, database }: Pick<Config, 'dataDir' | 'database'>): Promise<string[]> {
  if (database.engine === 'postgres') {
    const { readPostgresReport } = await import('../../database/postgres/postgres-report.ts')
    return [...((await readPostgresReport(database, [])).migrations ?? [])]
  }
  const path = databaseFile(dataDir)
  try {
    using file = new DatabaseSync(path, { readOnly: true })
    return file
      .prepare('select name from kysely_migration')
      .all()
      .map(({ name }) => String(name))
  } catch (error) {
    throw toAppError(error, 'database', path)
  }
}
