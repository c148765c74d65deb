import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** One row: numbers of the round of collection under way, or of the last one that had something to do. */
export async function addRoundReports(
  db: SchemaChange,
  { integer, byPrimaryKey }: ColumnTypes,
): Promise<void> {
  const reports = db.schema
    .createTable('round_reports')
    .addColumn('id', integer, (column) => column.primaryKey().notNull())
    .addColumn('started_at', integer, (column) => column.notNull())
    .addColumn('noted_at', integer, (column) => column.notNull())
    .addColumn('ended_at', integer)
    .addColumn('looked_at', integer, (column) => column.notNull())
    .addColumn('repositories', integer, (column) => column.notNull())
    .addColumn('manifests', integer, (column) => column.notNull())
    .addColumn('blobs', integer, (column) => column.notNull())
    .addColumn('freed_bytes', integer, (column) => column.notNull())
    .addColumn('failed', integer, (column) => column.notNull())
  await byPrimaryKey(reports).execute()
}
