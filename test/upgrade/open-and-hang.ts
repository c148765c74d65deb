/**
 * Opens a database and hangs within a migration, after its last statement, for the parent to kill it:
 * `node open-and-hang.ts FILE-OR-TARGET MIGRATION`.
 */
import { openPostgresDatabase } from '../../src/database/postgres/open-postgres.ts'
import { openSqliteDatabase } from '../../src/database/sqlite/open-sqlite.ts'
import { afterMigration } from './after-migration.ts'

const [place = '', name = ''] = process.argv.slice(2)
const migrations = afterMigration(name, async () => {
  process.stdout.write('hangs\n')
  setInterval(() => {}, 1_000)
  await new Promise(() => {})
})
if (place.startsWith('{')) await openPostgresDatabase(JSON.parse(place), { migrations })
else await openSqliteDatabase(place, { migrations })
