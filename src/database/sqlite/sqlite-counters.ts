import type { EngineCounters } from '../copy/engine-counters.ts'

/** SQLite's table with the last number of each table with `autoincrement`. */
const SEQUENCES = 'sqlite_sequence'
/** Primary result code of a row that a constraint refuses (sqlite.org/rescode.html). */
const SQLITE_CONSTRAINT = 19

/** Operations of SQLite that a copy needs beside rows. */
export const SQLITE_COUNTERS: EngineCounters = {
  async readLast(queries, table) {
    const row = await queries.selectFrom(SEQUENCES).select('seq').where('name', '=', table).executeTakeFirst()
    return Number(row?.seq ?? 0)
  },

  async writeLast(tx, { table, last }) {
    // There is a row only once a number was given, and its table has no key to replace it by.
    await tx.deleteFrom(SEQUENCES).where('name', '=', table).execute()
    await tx.insertInto(SEQUENCES).values({ name: table, seq: last }).execute()
  },

  isContradiction(error) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if ('errcode' in cause && (Number(cause.errcode) & 0xff) === SQLITE_CONSTRAINT) return true
    }
    return false
  },
}
