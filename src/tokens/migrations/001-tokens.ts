import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** Log-ins, the keys that sign access tokens, and values that a registry makes once and keeps. */
export async function createTokens(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text } = types
  await createRefreshTokens(db, types)
  await db.schema
    .createTable('token_keys')
    .addColumn('kid', text, (column) => column.primaryKey().notNull())
    .addColumn('private_jwk', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('retired_at', integer)
    .execute()
  await db.schema
    .createTable('settings')
    .addColumn('name', text, (column) => column.primaryKey().notNull())
    .addColumn('value', text, (column) => column.notNull())
    .execute()
}

async function createRefreshTokens(
  db: SchemaChange,
  { integer, text, byPrimaryKey }: ColumnTypes,
): Promise<void> {
  const table = db.schema
    .createTable('refresh_tokens')
    .addColumn('hash', text, (column) => column.primaryKey().notNull())
    .addColumn('user_name', text, (column) => column.notNull())
    .addColumn('user_version', text, (column) => column.notNull())
    .addColumn('client_id', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
  await byPrimaryKey(table).execute()
  for (const column of ['user_name', 'expires_at']) {
    await db.schema.createIndex(`refresh_tokens_by_${column}`).on('refresh_tokens').column(column).execute()
  }
}
