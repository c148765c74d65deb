import { kysely } from '../../kysely.ts'
import type { ColumnTypes } from '../../migrations.ts'

/** Texts have a collation by bytes: that of a database depends on its language, and changes with the system's library. */
export const POSTGRES_TYPES: ColumnTypes = {
  integer: 'bigint',
  text: kysely.sql`text collate "C"`,
  bytes: 'bytea',
  // "By default": a copy from another engine brings its numbers.
  identity: (column) => column.primaryKey().generatedByDefaultAsIdentity(),
  byPrimaryKey: (table) => table,
  hasOneWriter: false,
  async createTrigger(db, { name, table, event, statements }) {
    const { sql } = kysely
    const body = sql.raw(statements.map((statement) => `${statement};`).join('\n'))
    await sql`
      create function ${sql.id(name)}() returns trigger language plpgsql as $$ begin
        ${body}
        return null;
      end $$`.execute(db)
    await sql`
      create trigger ${sql.id(name)} after ${sql.raw(event)} on ${sql.table(table)}
      for each row execute function ${sql.id(name)}()`.execute(db)
  },
}
