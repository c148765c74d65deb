import { kysely } from '../kysely.ts'
import type { ColumnTypes } from '../migrations.ts'

/** SQLite's integers have up to 64 bits, and its texts are compared by their bytes unless a column says otherwise. */
export const SQLITE_TYPES: ColumnTypes = {
  integer: 'integer',
  text: 'text',
  bytes: 'blob',
  identity: (column) => column.primaryKey().autoIncrement(),
  byPrimaryKey: (table) => table.modifyEnd(kysely.sql`without rowid`),
  hasOneWriter: true,
  async createTrigger(db, { name, table, event, statements }) {
    const { sql } = kysely
    const body = sql.raw(statements.map((statement) => `${statement};`).join('\n'))
    await sql`
      create trigger ${sql.id(name)} after ${sql.raw(event)} on ${sql.table(table)} for each row begin
        ${body}
      end`.execute(db)
  },
}
