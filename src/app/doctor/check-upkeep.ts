import type { Config } from '../../config/config.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import { openStore } from '../data/open-store.ts'
import { hasFacts } from '../database/lost-database.ts'
import { isUpToDate } from '../database/schema-state.ts'
import { checkBackups } from './check-backups.ts'
import { checkCollection } from './check-collection.ts'
import { checkSpace } from './check-space.ts'
import { checkSwitches } from './check-switches.ts'
import { type Finding, warning } from './finding.ts'

const OLDER_SCHEMA: Finding = warning(
  'upkeep',
  'The schema of the database is older than this version: the next start of the server updates it',
  'Make a backup first ("berth backup"): the former version cannot open the database afterwards',
)

/**
 * Checks that need the facts. None without a database, or with one that the next start changes first: this command only
 * looks. A database that cannot be used is reported by other checks.
 */
export async function checkUpkeep(config: Config): Promise<Finding[]> {
  try {
    if (!(await hasFacts(config))) return []
    if (!(await isUpToDate(config))) return [OLDER_SCHEMA]
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
