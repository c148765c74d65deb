import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** The time from which on the history of a repository's tags is whole: ended periods are forgotten after a while. */
export async function addHistorySince(db: SchemaChange, { integer }: ColumnTypes): Promise<void> {
  await db.schema.alterTable('repositories').addColumn('history_since', integer).execute()
}
