import type { SchemaChange } from '../../database/migrations.ts'

/**
 * A session keeps the state of its store of bytes unread. For files that is the digest of the bytes so far, as before,
 * which names its algorithm.
 */
export async function addUploadState(db: SchemaChange): Promise<void> {
  await db.schema.alterTable('uploads').renameColumn('digest', 'state').execute()
  await db.schema.alterTable('uploads').dropColumn('algorithm').execute()
}
