import { DatabaseSync } from 'node:sqlite'
import type { Config } from '../../config/config.ts'
import { missingMigrations } from '../../database/migrate.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import { openStore } from '../data/open-store.ts'
import { MIGRATION_SETS } from '../database/database-schema.ts'
import { hasFacts } from '../database/lost-database.ts'
import { databaseFile } from '../folders/data-folder.ts'
import { checkBackups } from './check-backups.ts'
import { checkCollection } from './check-collection.ts'
import { checkSpace } from './check-space.ts'
import { checkSwitches } from './check-switches.ts'
import type { Finding } from './finding.ts'

/**
 * Checks that need the facts. None without a database, or with one that the next start changes first: this command only
 * looks. A database that cannot be used is reported by other checks.
 */
export async function checkUpkeep(config: Config): Promise<Finding[]> {
  try {
    if (!(await hasFacts(config)) || !(await isUpToDate(config))) return []
    const store = await openStore(config)
    try {
      return [
        ...(await checkSwitches(createSqlMetadata(store.database))),
        ...(await checkCollection(config, store.database)),
        ...(await checkSpace(config, store.database)),
        ...(await checkBackups(config, store.database)),
      ]
    } finally {
      await store.close()
    }
  } catch {
    return []
  }
}

async function isUpToDate({ dataDir, database }: Config): Promise<boolean> {
  return missingMigrations(MIGRATION_SETS, await readRecord({ dataDir, database })).length === 0
}

/** Names of the migrations that the database has run. */
async function readRecord({ dataDir, database }: Pick<Config, 'dataDir' | 'database'>): Promise<string[]> {
  if (database.engine === 'postgres') {
    const { readPostgresReport } = await import('../../database/postgres/postgres-report.ts')
    return [...((await readPostgresReport(database, [])).migrations ?? [])]
  }
  using file = new DatabaseSync(databaseFile(dataDir), { readOnly: true })
  return file
    .prepare('select name from kysely_migration')
    .all()
    .map(({ name }) => String(name))
}
