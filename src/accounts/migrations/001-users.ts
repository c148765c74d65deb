import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** Accounts of the database. */
export async function createUsers(db: SchemaChange, { integer, text, identity }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('users')
    .addColumn('id', integer, identity)
    .addColumn('name', text, (column) => column.notNull().unique())
    .addColumn('password_hash', text, (column) => column.notNull())
    .addColumn('is_admin', integer, (column) => column.notNull())
    .addColumn('is_disabled', integer, (column) => column.notNull())
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute()
}
