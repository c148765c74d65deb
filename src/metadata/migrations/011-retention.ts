import { kysely } from '../../database/kysely.ts'
import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'
import { createIndex } from './create-index.ts'

/** Last pulls and labels of images, and a log of what retention did. */
export async function addRetention(db: SchemaChange, types: ColumnTypes): Promise<void> {
  await addImageTimes(db, types)
  await createRuns(db, types)
}

async function addImageTimes(db: SchemaChange, { integer }: ColumnTypes): Promise<void> {
  for (const column of ['pulled_at', 'expires_after']) {
    await db.schema.alterTable('manifest_uses').addColumn(column, integer).execute()
  }
  await db.schema.alterTable('trashed_manifests').addColumn('expires_after', integer).execute()
  // A use that an older version recorded may have been a pull: it counts as one.
  await kysely.sql`update manifest_uses set pulled_at = used_at`.execute(db)
  await kysely.sql`
    create index manifest_uses_with_label on manifest_uses (repository_id) where expires_after is not null`.execute(
    db,
  )
  // The tags of one image after the other, by name, which retention reads in pages.
  await createIndex(db, 'tags', ['repository_id', 'digest', 'name'])
  await db.schema.dropIndex('tags_by_repository_id_digest').execute()
}

async function createRuns(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, identity, byPrimaryKey } = types
  await db.schema
    .createTable('retention_runs')
    .addColumn('id', integer, identity)
    .addColumn('cause', text, (column) => column.notNull())
    .addColumn('started_at', integer, (column) => column.notNull())
    .addColumn('ended_at', integer)
    .addColumn('repositories', integer, (column) => column.notNull())
    .addColumn('tags_seen', integer, (column) => column.notNull())
    .addColumn('tags_ended', integer, (column) => column.notNull())
    .addColumn('images_removed', integer, (column) => column.notNull())
    .addColumn('problem', text)
    .execute()
  const entries = db.schema
    .createTable('retention_entries')
    .addColumn('run_id', integer, (column) =>
      column.notNull().references('retention_runs.id').onDelete('cascade'),
    )
    .addColumn('repository', text, (column) => column.notNull())
    .addColumn('rule', text, (column) => column.notNull())
    .addColumn('tags', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('retention_entries_pk', ['run_id', 'repository', 'rule'])
  await byPrimaryKey(entries).execute()
  const turns = db.schema
    .createTable('retention_turns')
    .addColumn('id', integer, (column) => column.primaryKey().notNull())
    .addColumn('begun_at', integer, (column) => column.notNull())
    .addColumn('held_until', integer, (column) => column.notNull())
    .addColumn('holder', text, (column) => column.notNull())
  await byPrimaryKey(turns).execute()
}
