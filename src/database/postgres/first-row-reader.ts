import type { CompiledQuery } from 'kysely'
import type { FirstRow } from '../database.ts'
import type { PostgresConnection } from './postgres-connection.ts'
import type { RememberedRows } from './remembered-rows.ts'

/** Dependencies of prepared queries. */
interface FirstRowParts {
  readonly take: () => Promise<PostgresConnection>
  readonly rows: RememberedRows
  /** Called before rows are taken from memory. */
  readonly keepListening: () => void
}

/** Makes functions that run one compiled query each, past Kysely's executor, or return the remembered row. */
export function createFirstRowReader({
  take,
  rows,
  keepListening,
}: FirstRowParts): <R extends object>(query: CompiledQuery<R>) => FirstRow<R> {
  let queries = 0
  return <R extends object>({ sql }: CompiledQuery<R>): FirstRow<R> => {
    const id = queries++
    return (...parameters) => {
      keepListening()
      const key = JSON.stringify([id, ...parameters])
      const known = rows.get(key) as R | undefined
      return known ?? fetch({ sql, parameters, key })
    }
  }

  async function fetch<R extends object>(query: {
    readonly sql: string
    readonly parameters: readonly string[]
    readonly key: string
  }): Promise<R | undefined> {
    const readAt = rows.version()
    const connection = await take()
    try {
      const result = await connection.executeQuery<R>(query)
      const [row] = result.rows
      if (row) rows.add(query.key, row, readAt)
      return row
    } finally {
      connection.release()
    }
  }
}
