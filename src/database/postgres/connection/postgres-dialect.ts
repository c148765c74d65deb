import type {
  DatabaseConnection,
  Dialect,
  Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  TransactionSettings,
} from 'kysely'
import type { Pool } from 'pg'
import { kysely } from '../../kysely.ts'
import { PostgresConnection } from './postgres-connection.ts'
import { toPostgresFault } from './postgres-fault.ts'

/** Longest run of one statement of a transaction, in ms: the server ends it. */
const STATEMENT_TIMEOUT_MS = 30_000
/** Longest time the server keeps an open transaction of a silent client, in ms: it delays others. */
const IDLE_IN_TRANSACTION_MS = 60_000

/**
 * Sent as one message. Settings apply to the transaction only: behind a pooler the next one of the same connection may
 * be another client's. Without sequential scans the server notes the rows a transaction has read, and not the whole
 * table, where any other transaction would be a conflict. Where no index serves, it then takes the scan at a cost of ten
 * thousand millions, for which it would compile the statement, for 100 to 300 ms, to read a few rows.
 */
const BEGIN_SERIALIZABLE = `begin isolation level serializable;
  set local statement_timeout = ${STATEMENT_TIMEOUT_MS};
  set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS};
  set local enable_seqscan = off;
  set local jit = off`

/** Longest wait for a moment without conflicts, and longest run of one query, of a transaction that only reads, in ms. */
const SNAPSHOT_STATEMENT_MS = 10 * 60_000

/**
 * Waits until no transaction under way could contradict what it reads (postgresql.org/docs/current/sql-set-transaction.html);
 * from then on it fails for no conflict, and others do not wait for it.
 */
const BEGIN_SNAPSHOT = `begin isolation level serializable read only deferrable;
  set local statement_timeout = ${SNAPSHOT_STATEMENT_MS};
  set local idle_in_transaction_session_timeout = ${SNAPSHOT_STATEMENT_MS}`

/**
 * Sees what others have committed while it waited for a lock, whatever isolation transactions of this database have by
 * default: a migration has to see those that another node has run.
 */
const BEGIN_READ_COMMITTED = 'begin isolation level read committed'

/** Dependencies of the dialect. */
interface PostgresDialectOptions {
  readonly pool: Pool
  /** Sent at the end of each transaction that changes something: a `notify` statement. */
  readonly notify: string
  /** Called after each such transaction, before its caller goes on; also if its outcome is unknown. */
  readonly onChanged: () => void
}

/** Kysely over a pool of `pg`. Errors of the server become those of the port at each query. */
export class PoolDialect implements Dialect {
  readonly #options: PostgresDialectOptions

  constructor(options: PostgresDialectOptions) {
    this.#options = options
  }

  createDriver(): Driver {
    return new PoolDriver(this.#options)
  }

  createQueryCompiler(): PostgresQueryCompiler {
    return new kysely.PostgresQueryCompiler()
  }

  createAdapter(): PostgresAdapter {
    return new kysely.PostgresAdapter()
  }

  createIntrospector(db: Kysely<unknown>): PostgresIntrospector {
    return new kysely.PostgresIntrospector(db)
  }
}

/** `connection` is always one of this driver's own: Kysely passes back the one it got. */
class PoolDriver implements Driver {
  readonly #options: PostgresDialectOptions

  constructor(options: PostgresDialectOptions) {
    this.#options = options
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return takeConnection(this.#options.pool)
  }

  /** Serializable ones are those of the port; a snapshot is read by a backup; others are migrations. */
  async beginTransaction(
    connection: DatabaseConnection,
    { isolationLevel }: TransactionSettings,
  ): Promise<void> {
    if (isolationLevel === 'serializable') await own(connection).begin(BEGIN_SERIALIZABLE)
    else if (isolationLevel === 'snapshot') await own(connection).begin(BEGIN_SNAPSHOT, { isEndless: true })
    else await own(connection).begin(BEGIN_READ_COMMITTED, { isEndless: true })
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const { notify, onChanged } = this.#options
    const { hasChanged } = own(connection)
    try {
      await own(connection).commit(hasChanged ? `${notify}; commit` : 'commit')
    } finally {
      if (hasChanged) onChanged()
    }
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await own(connection).rollback()
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    own(connection).release()
  }

  /** The pool is closed by its owner. */
  async destroy(): Promise<void> {}
}

/** A connection of the pool, to be released. Errors: those of the port. */
export async function takeConnection(pool: Pool): Promise<PostgresConnection> {
  try {
    return new PostgresConnection(await pool.connect())
  } catch (error) {
    throw toPostgresFault(error)
  }
}

function own(connection: DatabaseConnection): PostgresConnection {
  if (connection instanceof PostgresConnection) return connection
  throw new TypeError('The connection is not one of this driver')
}
