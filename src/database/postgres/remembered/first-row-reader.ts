import type { CompiledQuery } from 'kysely'
import type { FirstRow, MemoryOfAbsence } from '../../database.ts'
import { rowKey } from '../../row-memory.ts'
import type { PostgresConnection } from '../connection/postgres-connection.ts'
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
}: FirstRowParts): <R extends object>(query: CompiledQuery<R>, memory?: MemoryOfAbsence) => FirstRow<R> {
  let queries = 0
  return <R extends object>(
    { sql }: CompiledQuery<R>,
    { remembersAbsence = false }: MemoryOfAbsence = {},
  ): FirstRow<R> => {
    const id = queries++
    return (...parameters) => {
      keepListening()
      const key = rowKey(id, parameters)
      const known = rows.get(key) as R | null | undefined
      return known === undefined ? fetch({ sql, parameters, key, remembersAbsence }) : (known ?? undefined)
    }
  }

  async function fetch<R extends object>(query: {
    readonly sql: string
    readonly parameters: readonly string[]
    readonly key: string
    readonly remembersAbsence: boolean
  }): Promise<R | undefined> {
    const readAt = rows.version()
    const connection = await take()
    try {
      const result = await connection.executeQuery<R>(query)
      const [row] = result.rows
      if (row) rows.add(query.key, row, readAt)
      else if (query.remembersAbsence) rows.addAbsent(query.key, readAt)
      return row
    } finally {
      connection.release()
    }
  }
}
