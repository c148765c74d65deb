import type { CompiledQuery, Kysely } from 'kysely'
import type { Schema } from './schema.ts'

/**
 * The database as two doors: readers never wait for a transaction, and all that changes goes through one writer.
 * Both see what is committed, by this process or another.
 */
export interface Database {
  readonly reader: Kysely<Schema>
  readonly writer: Kysely<Schema>
  /**
   * Compiles a query that is asked on every request into a function of its parameters, in the order of its text. Its
   * rows may be handed out again: nobody changes them.
   */
  prepareFirst<R extends object>(query: CompiledQuery<R>): FirstRow<R>
  /**
   * Fails with `OciError` `UNAVAILABLE` if what was opened is no longer in its place, as after a restore under a server
   * that runs. The writer looks by itself, before each transaction and before it commits.
   */
  checkFile(): void
  close(): Promise<void>
}

/** The first row of a query that was prepared; from a database within this process at once, without a promise. */
export type FirstRow<R> = (...parameters: string[]) => R | undefined | Promise<R | undefined>

/** Why the database cannot be used. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  readonly code: 'SCHEMA_TOO_NEW' | 'DATABASE_UNUSABLE'

  constructor(code: DatabaseError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}
