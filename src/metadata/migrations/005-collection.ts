import { kysely } from '../../database/kysely.ts'
import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'
import { createIndex } from './create-index.ts'

/** Tables by which content that is no longer needed is found, kept for a while, and removed. */
export async function addCollection(db: SchemaChange, types: ColumnTypes): Promise<void> {
  await addUses(db, types)
  await createTrash(db, types)
  await createMarks(db, types)
  await createQueue(db, types)
  await createIndex(db, 'manifests', ['digest'])
  await queueWhatIsUnneeded(db)
}

async function addUses(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, byPrimaryKey } = types
  await db.schema.alterTable('repository_blobs').addColumn('used_at', integer).execute()
  const uses = db.schema
    .createTable('manifest_uses')
    .addColumn('repository_id', integer, (column) => column.notNull())
    .addColumn('digest', text, (column) => column.notNull())
    .addColumn('used_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('manifest_uses_pk', ['repository_id', 'digest'])
    .addForeignKeyConstraint(
      'manifest_uses_manifest_fk',
      ['repository_id', 'digest'],
      'manifests',
      ['repository_id', 'digest'],
      (constraint) => constraint.onDelete('cascade'),
    )
  await byPrimaryKey(uses).execute()
}

async function createTrash(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, bytes, byPrimaryKey } = types
  await db.schema.alterTable('repositories').addColumn('trashed_name', text).execute()
  await db.schema.alterTable('repositories').addColumn('trashed_at', integer).execute()
  await db.schema.alterTable('repositories').addColumn('trashed_by', text).execute()
  await createIndex(db, 'repositories', ['trashed_at'])
  await db.schema
    .createTable('trashed_manifests')
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('digest', text, (column) => column.notNull())
    .addColumn('media_type', text, (column) => column.notNull())
    .addColumn('artifact_type', text)
    .addColumn('subject', text)
    .addColumn('annotations', text)
    .addColumn('size', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('trashed_at', integer, (column) => column.notNull())
    .addColumn('trashed_by', text)
    .addColumn('bytes', bytes, (column) => column.notNull())
    .addPrimaryKeyConstraint('trashed_manifests_pk', ['repository_id', 'digest'])
    .execute()
  await createIndex(db, 'trashed_manifests', ['digest'])
  await createIndex(db, 'trashed_manifests', ['trashed_at'])
  const references = db.schema
    .createTable('trashed_references')
    .addColumn('repository_id', integer, (column) => column.notNull())
    .addColumn('manifest_digest', text, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('digest', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('trashed_references_pk', ['repository_id', 'manifest_digest', 'kind', 'digest'])
    .addForeignKeyConstraint(
      'trashed_references_manifest_fk',
      ['repository_id', 'manifest_digest'],
      'trashed_manifests',
      ['repository_id', 'digest'],
      (constraint) => constraint.onDelete('cascade'),
    )
  await byPrimaryKey(references).execute()
  await createIndex(db, 'trashed_references', ['digest'])
}

async function createMarks(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, byPrimaryKey } = types
  const claims = db.schema
    .createTable('blob_claims')
    .addColumn('digest', text, (column) => column.primaryKey().notNull())
    .addColumn('claimed_at', integer, (column) => column.notNull())
  await byPrimaryKey(claims).execute()
  const removals = db.schema
    .createTable('blob_removals')
    .addColumn('digest', text, (column) => column.primaryKey().notNull())
    .addColumn('marked_at', integer, (column) => column.notNull())
  await byPrimaryKey(removals).execute()
}

async function createQueue(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, byPrimaryKey } = types
  const queue = db.schema
    .createTable('collection_queue')
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('repository_id', integer, (column) => column.notNull())
    .addColumn('digest', text, (column) => column.notNull())
    .addColumn('since', integer, (column) => column.notNull())
    .addColumn('reason', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('collection_queue_pk', ['kind', 'repository_id', 'digest'])
  await byPrimaryKey(queue).execute()
  await createIndex(db, 'collection_queue', ['kind', 'since'])
}

/** Queues the content of an older database that nothing names, as if it had become so now. */
async function queueWhatIsUnneeded(db: SchemaChange): Promise<void> {
  const { sql } = kysely
  const now = Date.now()
  await sql`
    insert into collection_queue (kind, repository_id, digest, since, reason)
    select 'manifest', repository_id, digest, cast(${now} as bigint), 'untagged' from manifests
    where not exists (
      select 1 from tags where tags.repository_id = manifests.repository_id and tags.digest = manifests.digest
    )`.execute(db)
  await sql`
    insert into collection_queue (kind, repository_id, digest, since, reason)
    select 'link', repository_id, digest, cast(${now} as bigint), 'unnamed' from repository_blobs
    where not exists (
      select 1 from manifest_references as named
      where named.repository_id = repository_blobs.repository_id and named.digest = repository_blobs.digest
    )`.execute(db)
  await sql`
    insert into collection_queue (kind, repository_id, digest, since, reason)
    select 'blob', 0, digest, cast(${now} as bigint), 'unlinked' from blobs
    where not exists (select 1 from repository_blobs where repository_blobs.digest = blobs.digest)
      and not exists (select 1 from manifests where manifests.digest = blobs.digest)`.execute(db)
}
