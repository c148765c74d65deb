import { randomBytes } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import pg from 'pg'
import type { Database, TransactionTurn } from '../database.ts'
import { kysely } from '../kysely.ts'
import { migrate } from '../migrate.ts'
import type { MigrationSet, SchemaChange, SchemaUpdate } from '../migrations.ts'
import { RowMemory } from '../row-memory.ts'
import { analyzeTables } from './analyze-tables.ts'
import { POSTGRES_TYPES } from './connection/column-types.ts'
import { PoolDialect, takeConnection } from './connection/postgres-dialect.ts'
import { refuseReadOnly } from './connection/postgres-fault.ts'
import { clientConfig, type PostgresTarget, poolSize } from './connection/postgres-target.ts'
import { SERVER_TIME, ServerClock } from './connection/server-clock.ts'
import { requireUsable, type ServerFacts, toStartError } from './connection/start-error.ts'
import { ChangeListener, type ListenProblem, notifyStatement } from './remembered/change-listener.ts'
import { createFirstRowReader } from './remembered/first-row-reader.ts'
import { RememberedRows } from './remembered/remembered-rows.ts'
import { runTransaction } from './transactions/run-transaction.ts'
import { TransactionGate } from './transactions/transaction-gate.ts'

/** Time after which an unused connection is closed, in ms. */
const IDLE_TIMEOUT_MS = 60_000
/** The lock that a process holds while it migrates: any number, the same in all versions. */
const MIGRATION_LOCK = 4_836_920_175

/** Connections that transactions leave to reads, which wait for no transaction. */
const LEFT_TO_READS = 2

/** Options of opening a database. */
export interface OpenPostgresOptions {
  readonly migrations: readonly MigrationSet[]
  /** Called before the schema of an existing database is updated, by the node that does so. */
  readonly onUpdate?: ((update: SchemaUpdate) => void) | undefined
  /** True: an earlier schema is an error, `DatabaseError` `SCHEMA_OLD`. */
  readonly isUpdateRefused?: boolean | undefined
  /** Called when this process begins to get notifications of changes, with undefined, or no longer does. */
  readonly onListening?: ((problem: ListenProblem | undefined, cause?: unknown) => void) | undefined
  /** Milliseconds that only grow; of the process, by default. */
  readonly now?: (() => number) | undefined
  /** This machine's clock, in milliseconds since 1970; by default that of the process. */
  readonly ownClock?: (() => number) | undefined
}

/**
 * Opens a database of a PostgreSQL server and brings its schema up to date. Errors: `DatabaseError` `SCHEMA_TOO_NEW`,
 * or `DATABASE_UNUSABLE` with the remedy.
 */
export async function openPostgresDatabase<S>(
  target: PostgresTarget,
  {
    migrations,
    onUpdate,
    isUpdateRefused,
    onListening = () => {},
    now = () => performance.now(),
    ownClock = Date.now,
  }: OpenPostgresOptions,
): Promise<Database<S>> {
  await using resources = new AsyncDisposableStack()
  try {
    const pool = openPool(target)
    resources.defer(() => pool.end())
    const memory = new RowMemory()
    const rows = new RememberedRows(memory, now)
    const sender = randomBytes(8).toString('hex')
    const notify = notifyStatement(sender)
    const dialect = new PoolDialect({ pool, notify, onChanged: () => rows.forget() })
    const db = new kysely.Kysely<S>({ dialect })
    const run = (statement: string): Promise<unknown> => runStatement(pool, statement)
    const listener = new ChangeListener({ target, rows, sender, run, onListening, now })
    resources.defer(() => listener.close())
    requireUsable(await readServerFacts(pool))
    await migrateAlone(db, { migrations, onUpdate, isUpdateRefused })
    const readTime = async (): Promise<number> => Number((await runStatement(pool, SERVER_TIME))[0]?.now)
    const clock = new ServerClock({ readTime, ownClock })
    await clock.compare()
    const lanes = {
      gate: new TransactionGate(poolSize(target) - LEFT_TO_READS),
      again: new TransactionGate(1),
    }
    const keepListening = (): void => listener.keepListening()
    const opened = resources.move()
    return {
      engine: 'postgres',
      read: db,
      readLong: db,
      transaction: (work, turn) =>
        runTransaction(
          () =>
            db
              .transaction()
              .setIsolationLevel('serializable')
              .execute(async (tx) => {
                if (turn) await takeTurn(tx, turn)
                return work(tx)
              }),
          lanes,
        ),
      prepareFirst: createFirstRowReader({ take: () => takeConnection(pool), rows, keepListening }),
      now: () => clock.now(),
      changes() {
        keepListening()
        return rows.version()
      },
      lookups: () => memory.lookups,
      check: () => checkWritable(pool),
      analyze: () => analyzeTables(pool),
      close: () => opened.disposeAsync(),
    }
  } catch (error) {
    throw toStartError(error, target)
  }
}

/**
 * As the first statement: a serializable transaction sees the database as it is at its first query, which `lock table`
 * is not. Other locks of the table, such as those of `pg_dump`, do not conflict with a shared turn.
 */
async function takeTurn<S>(tx: Transaction<S>, { table, isAlone }: TransactionTurn): Promise<void> {
  const mode = kysely.sql.raw(isAlone ? 'exclusive' : 'row share')
  await kysely.sql`lock table ${kysely.sql.table(table)} in ${mode} mode`.execute(tx)
}

function openPool(target: PostgresTarget): pg.Pool {
  const pool = new pg.Pool({
    ...clientConfig(target),
    max: poolSize(target),
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
  })
  // A connection that is lost while it is not used is only removed; one in use fails its query, too.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

async function runStatement(pool: pg.Pool, sql: string): Promise<Record<string, unknown>[]> {
  const connection = await takeConnection(pool)
  try {
    return (await connection.executeQuery<Record<string, unknown>>({ sql, parameters: [] })).rows
  } finally {
    connection.release()
  }
}

/** Errors: `OciError` `UNAVAILABLE`. */
async function checkWritable(pool: pg.Pool): Promise<void> {
  const [row] = await runStatement(pool, `select current_setting('transaction_read_only') as value`)
  refuseReadOnly(row?.value)
}

async function readServerFacts(pool: pg.Pool): Promise<ServerFacts> {
  const [row] = await runStatement(
    pool,
    `select current_setting('server_version_num')::integer as "versionNumber",
      current_setting('server_version') as version,
      pg_is_in_recovery() as "isStandby",
      current_setting('server_encoding') as encoding,
      current_schema() as schema`,
  )
  return row as unknown as ServerFacts
}

/** Waits for other nodes that migrate, then checks again for missing migrations. */
async function migrateAlone<S>(
  db: Kysely<S>,
  { migrations, onUpdate, isUpdateRefused }: Omit<OpenPostgresOptions, 'onListening'>,
): Promise<void> {
  await migrate(db as Kysely<unknown>, {
    sets: migrations,
    types: POSTGRES_TYPES,
    hasTable,
    onUpdate,
    isUpdateRefused,
    // Not serializable: such a transaction would not see the changes of those that it waited for.
    alone: (work) =>
      (db as Kysely<unknown>).transaction().execute(async (tx) => {
        await kysely.sql`select pg_advisory_xact_lock(${MIGRATION_LOCK}::bigint)`.execute(tx)
        await work(tx)
      }),
  })
}

/**
 * By the search path, as all queries: another schema of the database may hold a table of the same name. Read from the
 * catalog: `to_regclass()` does not see what others have made while the transaction waited for its lock.
 */
async function hasTable(db: SchemaChange, table: string): Promise<boolean> {
  const { rows } = await kysely.sql`
    select 1 from pg_catalog.pg_class
    where relname = ${table} and relkind in ('r', 'p') and pg_catalog.pg_table_is_visible(oid)`.execute(db)
  return rows.length > 0
}
