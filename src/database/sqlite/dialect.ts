import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  CompiledQuery,
  DatabaseConnection,
  Dialect,
  Driver,
  Kysely,
  QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { kysely } from '../kysely.ts'
import type { ReadSnapshot } from './read-snapshot.ts'
import { isBusy, isFull, toSqliteFault } from './sqlite-fault.ts'

/** Prepared statements kept per connection: the queries of this program number below a hundred. */
const MAX_STATEMENTS = 256
/** Longest wait for another process's transaction, in milliseconds: one takes a few, and the disk's time. */
const BUSY_TIMEOUT_MS = 5_000
/** Longest pause before the write lock is tried again, in milliseconds. */
const MAX_BUSY_PAUSE_MS = 8

/** Role of a connection with the snapshot that readers share. */
interface SqliteConnectionOptions {
  readonly open: () => DatabaseSync
  readonly role: 'reader' | 'writer'
  readonly snapshot: ReadSnapshot
  /** Throws if nothing may be written to the file any more. */
  readonly checkFile?: () => void
  /** Called before a possible write. Throws if there is no room on the disk at all. */
  readonly makeRoom?: () => void
  /** Called when SQLite found the disk full. */
  readonly onFull?: () => void
}

/** Kysely over one connection of `node:sqlite`, which the dialect owns and closes. */
export class NodeSqliteDialect implements Dialect {
  readonly #options: SqliteConnectionOptions

  constructor(options: SqliteConnectionOptions) {
    this.#options = options
  }

  createDriver(): Driver {
    return new NodeSqliteDriver(this.#options)
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new kysely.SqliteQueryCompiler()
  }

  createAdapter(): SqliteAdapter {
    return new TransactionalSqliteAdapter()
  }

  createIntrospector(db: Kysely<unknown>): SqliteIntrospector {
    return new kysely.SqliteIntrospector(db)
  }
}

/** SQLite can undo a change of the schema, so a migration that fails leaves nothing behind. */
class TransactionalSqliteAdapter extends kysely.SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class NodeSqliteDriver implements Driver {
  readonly #options: SqliteConnectionOptions
  #db: DatabaseSync | undefined
  #connection: NodeSqliteConnection | undefined
  #waiting: (() => void)[] = []
  #isTaken = false

  constructor(options: SqliteConnectionOptions) {
    this.#options = options
  }

  async init(): Promise<void> {
    const { open, role, snapshot } = this.#options
    this.#db = open()
    // Waited for below: SQLite's own wait would block the whole process.
    if (role === 'writer') this.#db.exec('pragma busy_timeout = 0')
    const { onFull } = this.#options
    const around = role === 'reader' ? { before: () => snapshot.open() } : { after: snapshot.end, onFull }
    this.#connection = new NodeSqliteConnection(this.#db, around)
  }

  /** One connection, lent in order: a transaction holds it across its awaits. */
  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#isTaken) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#isTaken = true
    if (!this.#connection) throw new Error('The database is closed')
    try {
      this.#options.checkFile?.()
      this.#options.makeRoom?.()
    } catch (error) {
      await this.releaseConnection()
      throw error
    }
    return this.#connection
  }

  async releaseConnection(): Promise<void> {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#isTaken = false
  }

  /** Takes the write lock at once, so that a transaction never has to be promoted (and refused) half-way. */
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(kysely.CompiledQuery.raw('begin immediate'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    this.#options.checkFile?.()
    await connection.executeQuery(kysely.CompiledQuery.raw('commit'))
  }

  /** After some errors (disk full) SQLite has rolled back by itself. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#db?.isTransaction) await connection.executeQuery(kysely.CompiledQuery.raw('rollback'))
  }

  async destroy(): Promise<void> {
    this.#connection = undefined
    if (this.#options.role === 'reader') this.#options.snapshot.end()
    this.#db?.close()
    this.#db = undefined
  }
}

interface PreparedStatement {
  readonly statement: StatementSync
  readonly returnsRows: boolean
}

interface Around {
  readonly before?: () => void
  readonly after?: () => void
  readonly onFull?: (() => void) | undefined
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #db: DatabaseSync
  readonly #around: Around
  readonly #statements = new Map<string, PreparedStatement>()

  constructor(db: DatabaseSync, around: Around) {
    this.#db = db
    this.#around = around
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      this.#around.before?.()
      return await this.#executeInTurn(query)
    } catch (error) {
      if (isFull(error)) this.#around.onFull?.()
      throw toSqliteFault(error)
    } finally {
      this.#around.after?.()
    }
  }

  /** Waits for other processes, between two transactions only: within one the lock is ours. */
  async #executeInTurn<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const deadline = performance.now() + BUSY_TIMEOUT_MS
    for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, MAX_BUSY_PAUSE_MS)) {
      try {
        return this.#execute(query)
      } catch (error) {
        if (!isBusy(error) || this.#db.isTransaction || performance.now() > deadline) throw error
      }
      await sleep(pauseMs)
    }
  }

  #execute<R>(query: CompiledQuery): QueryResult<R> {
    const { statement, returnsRows } = this.#prepare(query.sql)
    const parameters = query.parameters as SQLInputValue[]
    if (returnsRows) return { rows: statement.all(...parameters) as R[] }
    const { changes, lastInsertRowid } = statement.run(...parameters)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface has an async generator here, and this one only throws
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('Queries are paged here, not streamed')
  }

  #prepare(sql: string): PreparedStatement {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    const prepared = { statement, returnsRows: statement.columns().length > 0 }
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear()
    this.#statements.set(sql, prepared)
    return prepared
  }
}
