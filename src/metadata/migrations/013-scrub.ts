import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** Content whose bytes were found damaged, and how far the slow passes over all content have come. */
export async function addScrub(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, byPrimaryKey } = types
  await db.schema.alterTable('blobs').addColumn('quarantined_at', integer).execute()
  // Of the few rows only that have it: a push does not pay for it.
  await db.schema
    .createIndex('blobs_by_quarantined_at')
    .on('blobs')
    .column('quarantined_at')
    .where('quarantined_at', 'is not', null)
    .execute()
  const damages = db.schema
    .createTable('blob_damages')
    .addColumn('digest', text, (column) => column.primaryKey().notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('reason', text)
    .addColumn('found_size', integer)
    .addColumn('found_at', integer, (column) => column.notNull())
    .addColumn('set_aside_at', integer)
    .addColumn('ended_at', integer)
    .addColumn('ended_how', text)
  await byPrimaryKey(damages).execute()
  const passes = db.schema
    .createTable('upkeep_passes')
    .addColumn('kind', text, (column) => column.primaryKey().notNull())
    .addColumn('started_at', integer, (column) => column.notNull())
    .addColumn('ended_at', integer)
    .addColumn('position', text, (column) => column.notNull())
    .addColumn('checked', integer, (column) => column.notNull())
    .addColumn('bytes', integer, (column) => column.notNull())
    .addColumn('found', integer, (column) => column.notNull())
    .addColumn('repaired', integer, (column) => column.notNull())
    .addColumn('holder', text, (column) => column.notNull())
    .addColumn('held_until', integer, (column) => column.notNull())
  await byPrimaryKey(passes).execute()
}
