import type { Kysely } from 'kysely'
import type { Schema } from './schema.ts'

/**
 * The database as two doors: readers never wait for a transaction, and all that changes goes through one writer.
 * Both see what is committed, by this process or another.
 */
export interface Database {
  readonly reader: Kysely<Schema>
  readonly writer: Kysely<Schema>
  close(): Promise<void>
}

/** Why the database cannot be used. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  readonly code: 'SCHEMA_TOO_NEW' | 'DATABASE_UNUSABLE'

  constructor(code: DatabaseError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}
