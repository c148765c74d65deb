import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** Keeps the addresses from which names have logged in, across restarts. */
export async function createLoginPlaceTable(db: SchemaChange, { integer, text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('login_places')
    .addColumn('place', text, (column) => column.primaryKey().notNull())
    .addColumn('who', text, (column) => column.notNull())
    .addColumn('seen_at', integer, (column) => column.notNull())
    .execute()
  await db.schema.createIndex('login_places_by_who').on('login_places').columns(['who', 'seen_at']).execute()
  await db.schema.createIndex('login_places_by_seen_at').on('login_places').column('seen_at').execute()
}
