import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { CompiledQuery } from 'kysely'
import type { FirstRow } from '../database.ts'
import type { ReadSnapshot } from './read-snapshot.ts'
import { toSqliteFault } from './sqlite-fault.ts'

/**
 * Makes functions that run one compiled query each on the readers' connection, past Kysely's executor: its promises
 * take several times as long as SQLite takes for the row. The connection is opened with the first run.
 */
export function createFirstRowReader(
  connection: () => DatabaseSync,
  snapshot: ReadSnapshot,
): <R>(query: CompiledQuery<R>) => FirstRow<R> {
  return <R>(query: CompiledQuery<R>) => {
    let statement: StatementSync | undefined
    return (...parameters) => {
      try {
        statement ??= connection().prepare(query.sql)
        snapshot.open()
        return statement.get(...(parameters as SQLInputValue[])) as R | undefined
      } catch (error) {
        throw toSqliteFault(error)
      }
    }
  }
}
