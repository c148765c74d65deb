import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** Switches of the operator that are on, one row each. */
export async function addSwitches(
  db: SchemaChange,
  { integer, text, byPrimaryKey }: ColumnTypes,
): Promise<void> {
  const switches = db.schema
    .createTable('switches')
    .addColumn('name', text, (column) => column.primaryKey().notNull())
    .addColumn('since', integer, (column) => column.notNull())
    .addColumn('until', integer)
    .addColumn('set_by', text)
    .addColumn('reason', text)
  await byPrimaryKey(switches).execute()
}
