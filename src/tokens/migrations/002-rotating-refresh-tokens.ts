import { kysely } from '../../database/kysely.ts'
import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** A log-in has an id, under which it can be ended, and goes from one refresh token to the next. */
export async function rotateRefreshTokens(db: SchemaChange, { integer, text }: ColumnTypes): Promise<void> {
  await db.schema
    .alterTable('refresh_tokens')
    .addColumn('id', text, (column) => column.notNull().defaultTo(''))
    .execute()
  await db.schema.alterTable('refresh_tokens').addColumn('next_hash', text).execute()
  await db.schema.alterTable('refresh_tokens').addColumn('previous_hash', text).execute()
  await db.schema.alterTable('refresh_tokens').addColumn('rotated_at', integer).execute()
  await db.schema.alterTable('refresh_tokens').addColumn('used_at', integer).execute()
  await kysely.sql`update refresh_tokens set id = substr(hash, 1, 12)`.execute(db)
  for (const column of ['id', 'next_hash', 'previous_hash']) {
    await db.schema.createIndex(`refresh_tokens_by_${column}`).on('refresh_tokens').column(column).execute()
  }
}
