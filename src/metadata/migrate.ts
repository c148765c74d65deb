import type { Kysely, Migration } from 'kysely'
import { kysely } from '../database/kysely.ts'
import { DatabaseError } from './database.ts'
import * as initial from './migrations/001-initial.ts'
import * as uploadsOfOne from './migrations/002-uploads-of-one.ts'
import * as loginPlaces from './migrations/003-login-places.ts'
import * as accountIds from './migrations/004-account-ids.ts'
import * as rotatingRefreshTokens from './migrations/005-rotating-refresh-tokens.ts'
import * as spentRefreshTokens from './migrations/006-spent-refresh-tokens.ts'
import * as uploadState from './migrations/007-upload-state.ts'
import type { Schema } from './schema.ts'

/** In order; forward only. A migration that has been released is never changed. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '001-initial': initial,
  '002-uploads-of-one': uploadsOfOne,
  '003-login-places': loginPlaces,
  '004-account-ids': accountIds,
  '005-rotating-refresh-tokens': rotatingRefreshTokens,
  '006-spent-refresh-tokens': spentRefreshTokens,
  '007-upload-state': uploadState,
}

/**
 * Runs the migrations that are missing, all in one transaction.
 * Errors: `DatabaseError` `SCHEMA_TOO_NEW` if the database holds one that this version does not know.
 */
export async function migrateToLatest(db: Kysely<Schema>): Promise<void> {
  await refuseNewerSchema(db)
  const migrator = new kysely.Migrator({
    db,
    provider: { getMigrations: async () => ({ ...MIGRATIONS }) },
    // By default it is `localeCompare()`, for which V8 loads a collator: 2 MB that stay.
    nameComparator: (a, b) => (a < b ? -1 : Number(a > b)),
  })
  const { error } = await migrator.migrateToLatest()
  if (error) throw error
}

async function refuseNewerSchema(db: Kysely<Schema>): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some((table) => table.name === 'kysely_migration')) return
  const { rows } = await kysely.sql<{
    name: string
  }>`select name from kysely_migration order by name`.execute(db)
  const unknown = rows.find((row) => !(row.name in MIGRATIONS))
  if (!unknown) return
  throw new DatabaseError(
    'SCHEMA_TOO_NEW',
    `The database was written by a newer version of Berth (it holds the migration "${unknown.name}")`,
  )
}
