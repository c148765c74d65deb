import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** Refresh tokens that lie further back than the one before the current: who shows one has an old copy. */
export async function createSpentRefreshTokens(
  db: SchemaChange,
  { integer, text }: ColumnTypes,
): Promise<void> {
  await db.schema.createIndex('refresh_tokens_ids').on('refresh_tokens').column('id').unique().execute()
  await db.schema
    .createTable('spent_refresh_tokens')
    .addColumn('hash', text, (column) => column.primaryKey().notNull())
    // Log-ins end in several ways; what is kept of their old tokens goes with them in each.
    .addColumn('log_in', text, (column) =>
      column.notNull().references('refresh_tokens.id').onDelete('cascade'),
    )
    .addColumn('spent_at', integer, (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('spent_refresh_tokens_by_log_in')
    .on('spent_refresh_tokens')
    .columns(['log_in', 'spent_at'])
    .execute()
}
