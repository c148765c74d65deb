/**
 * Opens a database and hangs within a migration, after its last statement, for the parent to kill it:
 * `node open-and-hang.ts FILE-OR-TARGET MIGRATION`.
 */
import { MIGRATION_SETS } from '../../src/app/database/database-schema.ts'
import { openPostgresDatabase } from '../../src/database/postgres/open-postgres.ts'
import { openSqliteDatabase } from '../../src/database/sqlite/open-sqlite.ts'

const [place = '', name = ''] = process.argv.slice(2)
const migrations = MIGRATION_SETS.map((set) => ({
  ...set,
  migrations: Object.fromEntries(
    Object.entries(set.migrations).map(([step, run]) => [
      step,
      `${set.capability}/${step}` !== name
        ? run
        : async (...args: Parameters<typeof run>) => {
            await run(...args)
            process.stdout.write('hangs\n')
            setInterval(() => {}, 1_000)
            await new Promise(() => {})
          },
    ]),
  ),
}))
if (place.startsWith('{')) await openPostgresDatabase(JSON.parse(place), { migrations })
else await openSqliteDatabase(place, { migrations })
