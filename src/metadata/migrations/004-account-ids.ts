import type { Kysely } from 'kysely'
import { kysely } from '../../database/kysely.ts'

/** Upload sessions belong to an account and not to its name; names of removed accounts are not inherited. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('users')
    .addColumn('held_names', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute()
  await db.schema
    .createTable('retired_names')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('retired_at', 'integer', (column) => column.notNull())
    .execute()
  // What no stored account has opened is of one of an htpasswd file.
  await kysely.sql`
    update uploads set principal = coalesce(
      (select 'user:' || users.id from users where users.name = uploads.principal),
      'htpasswd:' || uploads.principal
    )`.execute(db)
}
