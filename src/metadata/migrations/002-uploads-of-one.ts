import type { SchemaChange } from '../../database/migrations.ts'

/** Index of the upload sessions of one account, the longest unused first. */
export async function indexUploadsOfOne(db: SchemaChange): Promise<void> {
  await db.schema
    .createIndex('uploads_by_principal_updated_at')
    .on('uploads')
    .columns(['principal', 'updated_at'])
    .execute()
}
