import type { CompiledQuery, Kysely } from 'kysely'
import type { Schema } from '../schema.ts'

/** A query that is asked on every request. */
export type PreparedQuery<R> = (...parameters: unknown[]) => Promise<R | undefined>

/**
 * Compiles a query once and runs it with other parameters each time, answering its first row: building it anew costs
 * four times what SQLite takes to run it. The parameters stand in the order of the query's text.
 */
export function prepareQuery<R>(
  db: Kysely<Schema>,
  query: { compile(): CompiledQuery<R> },
): PreparedQuery<R> {
  const compiled = query.compile()
  return async (...parameters) => {
    const { rows } = await db.executeQuery<R>({ ...compiled, parameters })
    return rows[0]
  }
}
