import type { EngineCounters } from '../copy/engine-counters.ts'
import { kysely } from '../kysely.ts'

const { sql } = kysely

/** Codes of an existing key, and of a reference to a missing row (Appendix A of PostgreSQL's manual). */
const CONTRADICTIONS: ReadonlySet<string> = new Set(['23505', '23503'])

/** Operations of PostgreSQL that a copy needs beside rows. */
export const POSTGRES_COUNTERS: EngineCounters = {
  async readLast(queries, table) {
    const row = await queries
      .selectFrom(sequenceOf(table))
      .select(['last_value', 'is_called'])
      .executeTakeFirstOrThrow()
    // A sequence that has given no number yet holds the first one.
    return row.is_called ? Number(row.last_value) : 0
  },

  async writeLast(tx, { table, last }) {
    await sql`select setval(${sequenceOf(table)}::regclass, ${Math.max(last, 1)}, ${last > 0})`.execute(tx)
  },

  isContradiction(error) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if ('code' in cause && CONTRADICTIONS.has(String(cause.code))) return true
    }
    return false
  },
}

/** The name that PostgreSQL gives to the sequence of an identity column `id`. */
function sequenceOf(table: string): string {
  return `${table}_id_seq`
}
