import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** Backups under way, which hold bytes, and the log of those that have ended. */
export async function addBackupRuns(
  db: SchemaChange,
  { integer, text, byPrimaryKey }: ColumnTypes,
): Promise<void> {
  const runs = db.schema
    .createTable('backup_runs')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('folder', text, (column) => column.notNull())
    .addColumn('slot', integer)
    .addColumn('started_at', integer, (column) => column.notNull())
    .addColumn('held_until', integer, (column) => column.notNull())
    .addColumn('ended_at', integer)
    .addColumn('outcome', text)
    .addColumn('generation', text)
    .addColumn('problem', text)
  await byPrimaryKey(runs).execute()
}
