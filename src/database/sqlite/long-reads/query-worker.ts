import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { connectFrozen } from '../frozen-file.ts'

/** File of a thread, and how it is opened. */
export interface QueryFile {
  readonly file: string
  /** As of `openSqliteDatabase()`. */
  readonly isFrozen: boolean
  /** Longest wait of SQLite itself for another process, in milliseconds. */
  readonly busyTimeoutMs: number
}

/** A query. Queries are run in the order of their messages. */
export interface QueryJob {
  readonly id: number
  readonly sql: string
  readonly parameters: readonly SQLInputValue[]
}

/** The end of a query. */
export interface QueryAnswer {
  readonly id: number
  readonly rows?: readonly unknown[]
  /** Set if it failed. `errcode` is that of SQLite. */
  readonly problem?: { readonly message: string; readonly errcode?: number | undefined }
}

let connection: DatabaseSync | undefined

parentPort?.on('message', (job: QueryJob) => parentPort?.postMessage(run(job)))

function run({ id, sql, parameters }: QueryJob): QueryAnswer {
  try {
    connection ??= open(workerData as QueryFile)
    return { id, rows: connection.prepare(sql).all(...parameters) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const errcode = error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined
    return { id, problem: { message, errcode } }
  }
}

function open({ file, isFrozen, busyTimeoutMs }: QueryFile): DatabaseSync {
  return isFrozen ? connectFrozen(file) : new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs })
}
