import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** A log-in may be made by a secret or a trust, and ends with it. */
export async function addCredentials(db: SchemaChange, { text }: ColumnTypes): Promise<void> {
  await db.schema.alterTable('refresh_tokens').addColumn('credential', text).execute()
}
