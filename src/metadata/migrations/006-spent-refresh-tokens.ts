import type { Kysely } from 'kysely'
import { kysely } from '../kysely.ts'

/** Refresh tokens that lie further back than the one before the current: who shows one has an old copy. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('spent_refresh_tokens')
    .addColumn('hash', 'text', (column) => column.primaryKey().notNull())
    .addColumn('log_in', 'text', (column) => column.notNull())
    .addColumn('spent_at', 'integer', (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('spent_refresh_tokens_by_log_in')
    .on('spent_refresh_tokens')
    .columns(['log_in', 'spent_at'])
    .execute()
  // Log-ins end in several ways; what is kept of their old tokens goes with them in each.
  await kysely.sql`
    create trigger spent_refresh_tokens_go after delete on refresh_tokens
    begin delete from spent_refresh_tokens where log_in = old.id; end`.execute(db)
}
