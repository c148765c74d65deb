import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** Refresh tokens older than the one before the current: a client that sends one has an old copy. */
export async function createSpentRefreshTokens(
  db: SchemaChange,
  { integer, text }: ColumnTypes,
): Promise<void> {
  await db.schema.createIndex('refresh_tokens_ids').on('refresh_tokens').column('id').unique().execute()
  await db.schema
    .createTable('spent_refresh_tokens')
    .addColumn('hash', text, (column) => column.primaryKey().notNull())
    // Log-ins end in several ways; the rows of their old tokens go with them in each.
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
