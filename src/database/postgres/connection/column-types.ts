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
}
