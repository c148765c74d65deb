import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Headroom } from '../../files/headroom.ts'
import { OciError } from '../../oci/errors.ts'
import { type Database, DatabaseError } from '../database.ts'
import { kysely } from '../kysely.ts'
import { migrate } from '../migrate.ts'
import type { MigrationSet, SchemaChange, SchemaUpdate } from '../migrations.ts'
import { RowMemory } from '../row-memory.ts'
import { SQLITE_TYPES } from './column-types.ts'
import { NodeSqliteDialect } from './dialect.ts'
import { FileIdentity, type OnReplaced } from './file-identity.ts'
import { fillSharedMemory } from './fill-shared-memory.ts'
import { createFirstRowReader } from './first-row-reader.ts'
import { connectFrozen, FrozenFile } from './frozen-file.ts'
import { openLongReads } from './long-reads/open-long-reads.ts'
import { ReadSnapshot } from './read-snapshot.ts'
import { FULL_MESSAGE } from './sqlite-fault.ts'

/** Longest wait of SQLite itself for another process, in milliseconds: where a connection is opened, and to read. */
const BUSY_TIMEOUT_MS = 5_000
/** Page cache of each connection, in KiB: keeps the idle process small. */
const CACHE_KIB = 8_192
/**
 * The same of a connection that writes a lot of rows, as a takeover does: pages of indexes are changed many times before they
 * are written. And the size of its log at which pages are copied into the database file, in pages of 4 KiB.
 */
const BULK_CACHE_KIB = 65_536
const BULK_LOG_PAGES = 16_384
/** SQLite's own error (sqlite.org/rescode.html#full). */
const FULL: Error = Object.assign(new Error('database or disk is full'), { errcode: 13 })

/** Options of opening a database. */
interface OpenSqliteOptions {
  /** Make the tables of S. */
  readonly migrations: readonly MigrationSet[]
  readonly onReplaced?: OnReplaced | undefined
  /** Called before the schema of an existing database is updated. */
  readonly onUpdate?: ((update: SchemaUpdate) => void) | undefined
  /** True: an earlier schema is an error, `DatabaseError` `SCHEMA_OLD`. */
  readonly isUpdateRefused?: boolean | undefined
  /** Given up when the disk is full. */
  readonly headroom?: Headroom | undefined
  /**
   * True: the database is read as it is, without locks: for a disk with no room for SQLite's side files. Once another
   * process has changed it, nothing is answered any more.
   */
  readonly isFrozen?: boolean
  /** True: many rows will be written, by a process that may take more memory for it. */
  readonly isBulk?: boolean
}

/**
 * Opens the database file, creating it, and brings its schema up to date. Once another file is in its place, nothing is
 * written any more and `onReplaced` is called.
 * Errors: `DatabaseError` `SCHEMA_TOO_NEW`, or `DATABASE_UNUSABLE` if it cannot be opened or is no database.
 */
export async function openSqliteDatabase<S>(file: string, options: OpenSqliteOptions): Promise<Database<S>> {
  makePrivateFile(file)
  const identity = new FileIdentity(file, options.onReplaced ?? (() => {}))
  const frozen = options.isFrozen ? new FrozenFile(file) : undefined
  const checkFile = (): void => {
    identity.check()
    frozen?.check()
  }
  const reading = openReading<S>(file, frozen)
  const thread = { file, isFrozen: frozen !== undefined, busyTimeoutMs: BUSY_TIMEOUT_MS }
  const long = openLongReads<S>(thread, checkFile)
  const writing = openWriting<S>(file, { ...options, checkFile, snapshot: reading.snapshot })
  const close = async (): Promise<void> => {
    await long.close()
    await reading.close()
    await writing.close()
  }
  // One transaction at a time, of any process: each has its turn.
  const transaction: Database<S>['transaction'] = (work) => writing.writer.transaction().execute(work)
  try {
    await migrate(writing.writer, {
      sets: options.migrations,
      types: SQLITE_TYPES,
      hasTable,
      alone: transaction,
      onUpdate: options.onUpdate,
      isUpdateRefused: options.isUpdateRefused,
    })
    if (!frozen) identity.addSideFiles()
  } catch (error) {
    await close()
    if (error instanceof DatabaseError) throw error
    throw new DatabaseError('DATABASE_UNUSABLE', `The database cannot be opened: ${reasonOf(error)}`, error)
  }
  const { reader: read, prepareFirst, changes, lookups } = reading
  const check = async (): Promise<void> => checkFile()
  const queries = { read, readLong: long.queries, prepareFirst, changes, lookups }
  // Without statistics SQLite chooses indexes by their columns, to which the queries here are fitted; and nothing would refresh them later.
  const analyze = async (): Promise<void> => {}
  return { engine: 'sqlite', ...queries, transaction, now: Date.now, check, analyze, close }
}

/** The side that reads, on a connection of its own that is opened with the first query. */
function openReading<S>(file: string, frozen: FrozenFile | undefined) {
  const memory = new RowMemory()
  let changes = 0
  const forget = (): void => {
    changes++
    memory.clear()
  }
  const snapshot = new ReadSnapshot(forget, () => frozen?.check())
  let connection: DatabaseSync | undefined
  const open = (): DatabaseSync => {
    if (!connection) {
      connection = frozen ? connectFrozen(file) : connect(file)
      snapshot.attach(connection)
    }
    return connection
  }
  const reader = new kysely.Kysely<S>({ dialect: new NodeSqliteDialect({ open, role: 'reader', snapshot }) })
  return {
    reader,
    snapshot,
    prepareFirst: createFirstRowReader({ connection: open, snapshot, memory }),
    lookups: () => memory.lookups,
    changes(): number {
      open()
      snapshot.open()
      return changes
    },
    async close(): Promise<void> {
      await reader.destroy()
      if (!connection?.isOpen) return
      snapshot.end()
      connection.close()
    },
  }
}

interface WritingOptions extends OpenSqliteOptions {
  readonly checkFile: () => void
  readonly snapshot: ReadSnapshot
}

/** The side that writes: one connection, which transactions hold in turn. */
function openWriting<S>(
  file: string,
  { headroom, isFrozen = false, isBulk = false, checkFile, snapshot }: WritingOptions,
) {
  const makeRoom = (): void => {
    if (!isFrozen && headroom?.makeRoom() === false)
      throw new OciError('STORAGE_FULL', { message: FULL_MESSAGE, cause: FULL })
  }
  const onFull = (): void => void headroom?.giveUp()
  let closeSharedMemory = (): void => {}
  const open = (): DatabaseSync => {
    if (isFrozen) return connectFrozen(file)
    makeRoom()
    const connection = connect(file)
    if (isBulk)
      connection.exec(`pragma cache_size = -${BULK_CACHE_KIB}; pragma wal_autocheckpoint = ${BULK_LOG_PAGES}`)
    closeSharedMemory = fillSharedMemory(connection, file)
    return connection
  }
  const writer = new kysely.Kysely<S>({
    dialect: new NodeSqliteDialect({ open, role: 'writer', snapshot, checkFile, makeRoom, onFull }),
  })
  return {
    writer,
    async close(): Promise<void> {
      await writer.destroy()
      closeSharedMemory()
    },
  }
}

async function hasTable(db: SchemaChange, table: string): Promise<boolean> {
  const { rows } =
    await kysely.sql`select 1 from sqlite_schema where type = 'table' and name = ${table}`.execute(db)
  return rows.length > 0
}

/**
 * Makes a file for its owner alone, as it holds password hashes and signing keys. SQLite gives its side files the same
 * mode.
 */
function makePrivateFile(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
}

function connect(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true })
  try {
    db.exec(`pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -${CACHE_KIB}`)
  } catch (error) {
    // An open database would block the next attempt.
    db.close()
    throw error
  }
  return db
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
