import type { SQLInputValue } from 'node:sqlite'
import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from 'kysely'
import type { Queries } from '../../database.ts'
import { kysely } from '../../kysely.ts'
import { toSqliteFault } from '../sqlite-fault.ts'
import { QueryThread } from './query-thread.ts'
import type { QueryFile } from './query-worker.ts'

/** Queries that run on a thread of their own. */
interface LongReads<S> {
  readonly queries: Queries<S>
  close(): Promise<void>
}

/** `checkFile` is called before each query, and throws if another file is in the place of the opened one. */
export function openLongReads<S>(file: QueryFile, checkFile: () => void): LongReads<S> {
  const thread = new QueryThread(file)
  const connection: DatabaseConnection = {
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      checkFile()
      try {
        return { rows: (await thread.run(sql, parameters as SQLInputValue[])) as R[] }
      } catch (error) {
        throw toSqliteFault(error)
      }
    },
    // biome-ignore lint/correctness/useYield: Kysely's interface has an async generator here, and this one only throws
    async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
      throw new Error('Queries are paged here, not streamed')
    },
  }
  const dialect: Dialect = {
    createDriver: () => createDriver(connection),
    createQueryCompiler: () => new kysely.SqliteQueryCompiler(),
    createAdapter: () => new kysely.SqliteAdapter(),
    createIntrospector: (db) => new kysely.SqliteIntrospector(db),
  }
  return { queries: new kysely.Kysely<S>({ dialect }), close: () => thread.close() }
}

function createDriver(connection: DatabaseConnection): Driver {
  const refuse = async (): Promise<never> => {
    throw new Error('A long read is no transaction')
  }
  return {
    init: async () => {},
    acquireConnection: async () => connection,
    releaseConnection: async () => {},
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    destroy: async () => {},
  }
}
