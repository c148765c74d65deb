import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** At most one row: the policies of the operator, and their version. */
export async function addPolicies(db: SchemaChange, { integer, text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('policies')
    .addColumn('id', integer, (column) => column.primaryKey().notNull())
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('changed_at', integer, (column) => column.notNull())
    .addColumn('changed_by', text)
    .addColumn('document', text, (column) => column.notNull())
    .execute()
}
