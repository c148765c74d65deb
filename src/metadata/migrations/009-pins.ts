import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'
import { createIndex } from './create-index.ts'

/** Manifests in use beside their tags: pinned by an operator, or run by containers. */
export async function addPins(db: SchemaChange, { integer, text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('pins')
    .addColumn('repository_id', integer, (column) => column.notNull())
    .addColumn('digest', text, (column) => column.notNull())
    .addColumn('tag', text)
    .addColumn('reason', text)
    .addColumn('pinned_at', integer, (column) => column.notNull())
    .addColumn('pinned_by', text)
    .addPrimaryKeyConstraint('pins_pk', ['repository_id', 'digest'])
    // Without a cascade: a row of a pinned manifest cannot be removed, whatever query tries.
    .addForeignKeyConstraint('pins_manifest_fk', ['repository_id', 'digest'], 'manifests', [
      'repository_id',
      'digest',
    ])
    .execute()
  await db.schema
    .createTable('running_images')
    .addColumn('engine', text, (column) => column.notNull())
    .addColumn('repository', text, (column) => column.notNull())
    .addColumn('digest', text, (column) => column.notNull())
    .addColumn('host', text, (column) => column.notNull())
    .addColumn('containers', text, (column) => column.notNull())
    .addColumn('seen_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('running_images_pk', ['engine', 'repository', 'digest'])
    .execute()
  await createIndex(db, 'running_images', ['repository', 'digest'])
  await createIndex(db, 'running_images', ['seen_at'])
}
