import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'
import { createIndex } from './create-index.ts'

/** Repositories, their content, and upload sessions. */
export async function createContent(db: SchemaChange, types: ColumnTypes): Promise<void> {
  await createRepositories(db, types)
  await createBlobs(db, types)
  await createManifests(db, types)
  await createReferences(db, types)
  await createTags(db, types)
  await createUploads(db, types)
}

async function createRepositories(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, identity } = types
  await db.schema
    .createTable('repositories')
    .addColumn('id', integer, identity)
    .addColumn('name', text, (column) => column.notNull().unique())
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute()
}

async function createBlobs(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, byPrimaryKey } = types
  const blobs = db.schema
    .createTable('blobs')
    .addColumn('digest', text, (column) => column.primaryKey().notNull())
    .addColumn('size', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
  await byPrimaryKey(blobs).execute()
  const links = db.schema
    .createTable('repository_blobs')
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('digest', text, (column) => column.notNull().references('blobs.digest'))
    .addColumn('created_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('repository_blobs_pk', ['repository_id', 'digest'])
  await byPrimaryKey(links).execute()
  await createIndex(db, 'repository_blobs', ['digest'])
}

async function createManifests(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, bytes } = types
  await db.schema
    .createTable('manifests')
    .addColumn('repository_id', integer, (column) =>
      column.notNull().references('repositories.id').onDelete('cascade'),
    )
    .addColumn('digest', text, (column) => column.notNull())
    .addColumn('media_type', text, (column) => column.notNull())
    .addColumn('artifact_type', text)
    .addColumn('subject', text)
    .addColumn('annotations', text)
    .addColumn('size', integer, (column) => column.notNull())
    .addColumn('bytes', bytes, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('manifests_pk', ['repository_id', 'digest'])
    .execute()
  await createIndex(db, 'manifests', ['repository_id', 'subject', 'digest'])
}

async function createReferences(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, byPrimaryKey } = types
  const table = db.schema
    .createTable('manifest_references')
    .addColumn('repository_id', integer, (column) => column.notNull())
    .addColumn('manifest_digest', text, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('digest', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('manifest_references_pk', ['repository_id', 'manifest_digest', 'kind', 'digest'])
    .addForeignKeyConstraint(
      'manifest_references_manifest_fk',
      ['repository_id', 'manifest_digest'],
      'manifests',
      ['repository_id', 'digest'],
      (constraint) => constraint.onDelete('cascade'),
    )
  await byPrimaryKey(table).execute()
  await createIndex(db, 'manifest_references', ['repository_id', 'digest'])
}

async function createTags(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, byPrimaryKey } = types
  const table = db.schema
    .createTable('tags')
    .addColumn('repository_id', integer, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('digest', text, (column) => column.notNull())
    .addColumn('updated_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('tags_pk', ['repository_id', 'name'])
    .addForeignKeyConstraint(
      'tags_manifest_fk',
      ['repository_id', 'digest'],
      'manifests',
      ['repository_id', 'digest'],
      (constraint) => constraint.onDelete('cascade'),
    )
  await byPrimaryKey(table).execute()
  await createIndex(db, 'tags', ['repository_id', 'digest'])
}

async function createUploads(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, byPrimaryKey } = types
  const table = db.schema
    .createTable('uploads')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('repository', text, (column) => column.notNull())
    .addColumn('principal', text, (column) => column.notNull())
    .addColumn('algorithm', text, (column) => column.notNull())
    .addColumn('offset', integer, (column) => column.notNull())
    .addColumn('digest', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('updated_at', integer, (column) => column.notNull())
  await byPrimaryKey(table).execute()
  await createIndex(db, 'uploads', ['updated_at'])
}
