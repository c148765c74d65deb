import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** Accounts of persons whose password a directory checks. */
export async function addDirectory(db: SchemaChange, { text }: ColumnTypes): Promise<void> {
  await db.schema.alterTable('users').addColumn('directory_id', text).execute()
  await db.schema
    .alterTable('users')
    .addColumn('directory_groups', text, (column) => column.notNull().defaultTo('[]'))
    .execute()
  await db.schema.createIndex('users_by_directory_id').on('users').column('directory_id').unique().execute()
}
