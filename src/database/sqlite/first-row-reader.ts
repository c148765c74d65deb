import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { CompiledQuery } from 'kysely'
import type { FirstRow, MemoryOfAbsence } from '../database.ts'
import { type RowMemory, rowKey } from '../row-memory.ts'
import type { ReadSnapshot } from './read-snapshot.ts'
import { toSqliteFault } from './sqlite-fault.ts'

/** Dependencies of prepared queries. */
interface FirstRowParts {
  readonly connection: () => DatabaseSync
  readonly snapshot: ReadSnapshot
  /** Cleared by the snapshot. */
  readonly memory: RowMemory
}

/**
 * Makes functions that run one compiled query each on the readers' connection, past Kysely's executor: its promises
 * take several times as long as SQLite takes for the row. The connection is opened with the first run.
 *
 * A row found before is answered from memory as long as nothing was committed since, by this process or another.
 */
export function createFirstRowReader({
  connection,
  snapshot,
  memory,
}: FirstRowParts): <R extends object>(query: CompiledQuery<R>, memory?: MemoryOfAbsence) => FirstRow<R> {
  let queries = 0
  return <R extends object>(query: CompiledQuery<R>, { remembersAbsence = false }: MemoryOfAbsence = {}) => {
    let statement: StatementSync | undefined
    const id = queries++
    return (...parameters) => {
      try {
        statement ??= connection().prepare(query.sql)
        snapshot.open()
        const key = rowKey(id, parameters)
        const known = memory.get(key) as R | null | undefined
        if (known !== undefined) return known ?? undefined
        const row = statement.get(...parameters) as R | undefined
        if (row) memory.add(key, row)
        else if (remembersAbsence) memory.addAbsent(key)
        return row
      } catch (error) {
        throw toSqliteFault(error)
      }
    }
  }
}
