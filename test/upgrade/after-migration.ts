import { MIGRATION_SETS } from '../../src/app/database/database-schema.ts'
import type { Migration, MigrationSet } from '../../src/database/migrations.ts'

/** The migrations of Berth, of which the named one acts once more after its last statement, within its transaction. */
export function afterMigration(name: string, act: () => Promise<void>): MigrationSet[] {
  const actingAfter =
    (run: Migration): Migration =>
    async (db, types) => {
      await run(db, types)
      await act()
    }
  return MIGRATION_SETS.map((set) => ({
    ...set,
    migrations: Object.fromEntries(
      Object.entries(set.migrations).map(([step, run]) => [
        step,
        `${set.capability}/${step}` === name ? actingAfter(run) : run,
      ]),
    ),
  }))
}
