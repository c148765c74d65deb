import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'
import { createIndex } from './create-index.ts'

/** Periods of tags that have ended, and the time and account with which the present ones began. */
export async function addTagHistory(
  db: SchemaChange,
  { integer, text, identity }: ColumnTypes,
): Promise<void> {
  await db.schema.alterTable('tags').addColumn('started_at', integer).execute()
  await db.schema.alterTable('tags').addColumn('started_by', text).execute()
  await db.schema
    .createTable('tag_history')
    .addColumn('id', integer, identity)
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('digest', text, (column) => column.notNull())
    .addColumn('started_at', integer, (column) => column.notNull())
    .addColumn('started_by', text)
    .addColumn('ended_at', integer, (column) => column.notNull())
    .addColumn('ended_by', text)
    .addColumn('ended_how', text, (column) => column.notNull())
    .execute()
  await createIndex(db, 'tag_history', ['repository_id', 'name', 'ended_at'])
  await createIndex(db, 'tag_history', ['repository_id', 'digest', 'ended_at'])
  await createIndex(db, 'tag_history', ['ended_at'])
}
