import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** Names of removed accounts are not inherited. */
export async function addHeldNames(db: SchemaChange, { integer, text }: ColumnTypes): Promise<void> {
  await db.schema
    .alterTable('users')
    .addColumn('held_names', text, (column) => column.notNull().defaultTo('[]'))
    .execute()
  await db.schema
    .createTable('retired_names')
    .addColumn('name', text, (column) => column.primaryKey().notNull())
    .addColumn('retired_at', integer, (column) => column.notNull())
    .execute()
}
