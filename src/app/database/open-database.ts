import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import type { PostgresConfig } from '../../config/database.ts'
import type { AnyTables } from '../../database/copy/copied-table.ts'
import { refuseUnfinishedCopy } from '../../database/copy/copy-progress.ts'
import type { Database, Queries } from '../../database/database.ts'
import type { SchemaUpdate } from '../../database/migrations.ts'
import { emptyLog } from '../../database/sqlite/frozen-file.ts'
import { openSqliteDatabase } from '../../database/sqlite/open-sqlite.ts'
import type { Headroom } from '../../files/headroom.ts'
import { AppError } from '../faults/app-error.ts'
import { requireFiles } from '../faults/require-machine.ts'
import { toAppError } from '../faults/system-fault.ts'
import { databaseFile } from '../folders/data-folder.ts'
import { formatDatabaseName, toDatabasePlace } from './database-place.ts'
import { type BerthSchema, MIGRATION_SETS } from './database-schema.ts'
import type { FormerSchema } from './schema-state.ts'

/** Called with events of the database, beside errors. */
export interface DatabaseOptions {
  /** Given up when the disk of an SQLite database is full. */
  readonly headroom: Headroom
  /** Called when a full disk has no room for the side files of SQLite: it is only read then. Undefined: that is an error. */
  readonly onFrozen?: ((file: string) => void) | undefined
  /** SQLite is only read, as in the process that has started this one: what one wrote the others would not see. */
  readonly isFrozen?: boolean
  /** Many rows will be written into SQLite, by a process that may take more memory for it. */
  readonly isBulk?: boolean
  /** Called before an earlier schema is updated; `describeUpdate()` has the text. Undefined: it is not, and is an error (`SCHEMA_OLD`). */
  readonly onUpdate?: ((update: SchemaUpdate) => void) | undefined
  /** The earlier schema that the database has: it is opened as it is. Queries that need a later one fail. */
  readonly former?: FormerSchema | undefined
  /** Called when another file is in the place of an SQLite database that is open: nothing is written any more. */
  readonly onReplaced?: ((file: string) => void) | undefined
  /** Called when this process begins to get notifications of changes from PostgreSQL, or with the reason why it gets none. */
  readonly onListening?: ((problem: string | undefined) => void) | undefined
}

/** A database of any engine. */
export interface OpenedDatabase {
  readonly database: Database<BerthSchema>
  /** A full disk had no room for the side files of SQLite: it is only read, by all processes that serve it. */
  readonly isFrozen: boolean
}

/** Opens the database of a configuration. Errors: `AppError`, `DatabaseError`, `CopyError` for an unfinished copy. */
export async function openDatabase(config: Config, options: DatabaseOptions): Promise<OpenedDatabase> {
  requireFiles()
  const opened =
    config.database.engine === 'sqlite'
      ? await openSqlite(databaseFile(config.dataDir), options)
      : { database: await openPostgres(config.database, options), isFrozen: false }
  try {
    const { database } = opened
    if (options.former?.hasCopies !== false)
      await refuseUnfinishedCopy(
        database.read as unknown as Queries<AnyTables>,
        formatDatabaseName(toDatabasePlace(config)),
      )
    return opened
  } catch (error) {
    await opened.database.close()
    throw error
  }
}

/** Loaded here: a registry on SQLite needs no driver of PostgreSQL, which takes memory. */
async function openPostgres(
  target: PostgresConfig,
  { onListening, ...options }: DatabaseOptions,
): Promise<Database<BerthSchema>> {
  const { openPostgresDatabase } = await import('../../database/postgres/open-postgres.ts')
  return openPostgresDatabase<BerthSchema>(target, { ...toSchemaOptions(options), onListening })
}

/** Errors: `AppError` of the place `database`, `DatabaseError`. */
async function openSqlite(file: string, options: DatabaseOptions): Promise<OpenedDatabase> {
  try {
    if (options.isFrozen) return await openFrozen(file, options)
    return await openWithRoom(file, options)
  } catch (error) {
    throw toAppError(error, 'database', file)
  }
}

function toSchemaOptions({ former, onUpdate }: DatabaseOptions) {
  return {
    migrations: former?.migrations ?? MIGRATION_SETS,
    onUpdate,
    isUpdateRefused: onUpdate === undefined,
  }
}

async function openFrozen(file: string, { onReplaced }: DatabaseOptions): Promise<OpenedDatabase> {
  const database = await openSqliteDatabase<BerthSchema>(file, {
    migrations: MIGRATION_SETS,
    onReplaced,
    isFrozen: true,
  })
  return { database, isFrozen: true }
}

/** Tries once more with the room of the headroom, where the side files of SQLite did not fit; then without them. */
async function openWithRoom(file: string, options: DatabaseOptions): Promise<OpenedDatabase> {
  const openUsual = async (): Promise<OpenedDatabase> => ({
    database: await openSqliteDatabase<BerthSchema>(file, { ...options, ...toSchemaOptions(options) }),
    isFrozen: false,
  })
  try {
    return await openUsual()
  } catch (error) {
    const reason = toAppError(error, 'database', file)
    const isFull = reason instanceof AppError && reason.code === 'STORAGE_FULL'
    if (!isFull) throw error
    if (options.headroom.giveUp()) return await openUsual()
    if (!options.onFrozen) throw error
    emptyLog(file)
    // A database with an earlier schema cannot be served as it is: what is wrong is still that the disk is full.
    const opened = await openFrozen(file, options).catch(() => undefined)
    if (!opened) throw error
    options.onFrozen(file)
    return opened
  }
}

/** Runs a part of the start. SQLite's own errors within it become an `AppError`; any other error is unchanged. */
export async function withDatabaseFaults<T>({ dataDir }: Config, part: () => Promise<T>): Promise<T> {
  try {
    return await part()
  } catch (error) {
    throw isOfSqlite(error) ? toAppError(error, 'database', databaseFile(dataDir)) : error
  }
}

function isOfSqlite(error: unknown): boolean {
  return error instanceof Error && ('errcode' in error || isOfSqlite(error.cause))
}

/** Logs that a server only reads. */
export function logFrozen(logger: Logger, file: string): void {
  logger.error(
    { file },
    'the disk of the data folder is full: this server answers pulls from what is there and takes no pushes, until a ' +
      'command changes something; after that it answers with 503. Free space by removing other files than those of Berth, then restart it',
  )
}

/** Logs that the data folder was replaced under a server that runs. */
export function logReplaced(logger: Logger, file: string): void {
  logger.error(
    { file },
    'the data folder was replaced while this server ran: it has the former database open, and takes no pushes and no ' +
      'changes until it is restarted',
  )
}

/** Logs that this process gets notifications of the changes of other nodes, or why it gets none. */
export function logListening(logger: Logger, problem: string | undefined): void {
  if (problem === undefined) logger.info('PostgreSQL notifies this process of the changes of other nodes')
  else
    logger.warn(
      { reason: problem },
      'PostgreSQL does not notify this process of the changes of other nodes: rows are remembered for one second only. ' +
        'Behind a pooler, set database-listen to the address of PostgreSQL itself',
    )
}
