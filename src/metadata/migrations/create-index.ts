import type { SchemaChange } from '../../database/migrations.ts'

/** Makes an index, named after its table and columns. */
export async function createIndex(db: SchemaChange, table: string, columns: string[]): Promise<void> {
  await db.schema
    .createIndex(`${table}_by_${columns.join('_')}`)
    .on(table)
    .columns(columns)
    .execute()
}
