import type { CompiledQuery, Kysely, Transaction } from 'kysely'
import type { RowLookups } from './row-memory.ts'

/** Names of the engines with an adapter. */
export type EngineName = 'sqlite' | 'postgres'

/** Queries over the tables of S that change nothing; inside a transaction they see its changes. */
export type Queries<S> = Pick<Kysely<S>, 'selectFrom'>

/**
 * A transaction that one capability has begun and another takes part in; `withTables()` names the tables of its own.
 * Both are in one database, so that all of it counts or nothing.
 */
export type JoinedTransaction = Pick<Transaction<unknown>, 'withTables'>

/**
 * One SQL database, of any engine. S: the tables that its holder may use. Each capability has a schema of its own, and
 * a database of more tables is passed on as one of fewer. Its methods are passed on by themselves, too.
 *
 * Texts, stored or compared with, hold no NUL: PostgreSQL refuses it.
 *
 * Errors of all queries: `OciError` `STORAGE_FULL`; `UNAVAILABLE` if the database cannot be used or reached.
 */
export interface Database<S> {
  /** For reports and logs; a query never depends on it. */
  readonly engine: EngineName
  /** Sees committed changes, of this process or another, and waits for no transaction. */
  readonly read: Queries<S>
  /**
   * The same for queries that read much, such as sums over all content: requests do not wait for them, which they would for
   * those of `read` in a database within this process. Each begins later than one of `read`.
   */
  readonly readLong: Queries<S>
  /**
   * The only way to change anything: all changes of `work` count, or none, and they are durable when this returns.
   *
   * Transactions are serializable: each sees the database as if it were alone. If two contradict each other, one of
   * them is run again, so `work` may run several times, and uses nothing but `tx`: it sends nothing, counts nothing
   * outside, and keeps nothing of an earlier run. An error of `work` undoes it and is thrown on, without another run.
   */
  transaction<R>(work: (tx: Transaction<S>) => Promise<R>, turn?: TransactionTurn): Promise<R>
  /**
   * Compiles a query that is run with every request into a function of its parameters, in the order of its text. Its
   * rows may be returned again as long as `changes()` stays the same: they must not be changed.
   */
  prepareFirst<R extends object>(query: CompiledQuery<R>, memory?: MemoryOfAbsence): FirstRow<R>
  /**
   * The database's clock, the same for all nodes: milliseconds since 1970. Every time in a row is of this clock and is
   * compared with it, as the clocks of nodes differ. At once, and right to a few milliseconds.
   */
  now(): number
  /**
   * A number that differs once earlier reads may be out of date: it bounds what `prepareFirst()` may remember, and the
   * tests of both engines wait for it. A capability that keeps values made from rows must compare it; so far none does,
   * so that nothing else in `src/` calls it.
   */
  changes(): number
  /** Look-ups of `prepareFirst()` so far, for figures. */
  lookups(): RowLookups
  /**
   * Fails with `OciError` `UNAVAILABLE` if the database is not in its place, as after a restore under a running server,
   * cannot be reached, or can only be read. Each transaction checks it itself, before it begins and before it commits.
   */
  check(): Promise<void>
  /**
   * After many rows were written at once: refreshes the statistics by which queries are planned, where the engine has any. It fails
   * never, since its only effect is on time.
   */
  analyze(): Promise<void>
  close(): Promise<void>
}

/**
 * The place of a transaction among others that name the same table. Serializable alone does not say more than that
 * some order of all transactions has the same result: one that has read a row may commit after another has changed it.
 */
export interface TransactionTurn {
  readonly table: string
  /**
   * True: it begins once all those that share the table have ended, and those that come later wait, and see its changes.
   * Reads outside of transactions wait for neither.
   */
  readonly isAlone: boolean
}

/** Memory of a query that has no row. */
export interface MemoryOfAbsence {
  /**
   * True: that there is none, as long as `changes()` stays the same. Only for parameters of a small set that visitors
   * do not choose: at most `MAX_ABSENT_ROWS` are remembered. By default nothing is.
   */
  readonly remembersAbsence?: boolean
}

/**
 * The first row of a query that was prepared; undefined if there is none. Values come at once from a database within
 * this process or from memory, and as a promise otherwise: await them.
 */
export type FirstRow<R> = (...parameters: string[]) => R | undefined | Promise<R | undefined>

/** The reason why the database cannot be used. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  readonly code: 'SCHEMA_TOO_NEW' | 'SCHEMA_OLD' | 'DATABASE_UNUSABLE'

  constructor(code: DatabaseError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}
