import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** One row: when collection was last at work, and until when it waits. */
export async function addCollectionRounds(
  db: SchemaChange,
  { integer, byPrimaryKey }: ColumnTypes,
): Promise<void> {
  const rounds = db.schema
    .createTable('collection_rounds')
    .addColumn('id', integer, (column) => column.primaryKey().notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('held_until', integer, (column) => column.notNull())
  await byPrimaryKey(rounds).execute()
}
