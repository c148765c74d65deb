import type { Logger } from 'pino'
import { type Accounts, createAccounts } from '../accounts/create-accounts.ts'
import type { HtpasswdStatus } from '../accounts/htpasswd-file.ts'
import { LoginGuard, type LoginRelay } from '../accounts/login-guard.ts'
import { createLoginPlaces } from '../accounts/login-places.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { emptyLog } from '../database/sqlite/frozen-file.ts'
import { openSqliteDatabase } from '../database/sqlite/open-sqlite.ts'
import { Headroom } from '../files/headroom.ts'
import { accountBelongings } from './account-belongings.ts'
import { AppError } from './app-error.ts'
import { databaseFile, prepareFolder } from './data-folder.ts'
import { type BerthSchema, MIGRATION_SETS } from './database-schema.ts'
import { toAppError } from './system-fault.ts'

/** The database and the accounts of a data folder. */
export interface Store {
  readonly database: Database<BerthSchema>
  readonly accounts: Accounts
  /** Shared by all checks of passwords. */
  readonly guard: LoginGuard
  /** A full disk had no room for the side files of the database: it is only read, by all processes that serve it. */
  readonly isFrozen: boolean
  close(): Promise<void>
}

/** Who is told of what, beside the database. */
export interface StoreOptions {
  /** Given up when the disk is full. */
  readonly headroom?: Headroom | undefined
  /** Called when a full disk has no room for the side files of the database: it is only read then. Undefined: that is an error. */
  readonly onFrozen?: ((file: string) => void) | undefined
  /** The database is only read, as in the process that has started this one: what one wrote the others would not see. */
  readonly isFrozen?: boolean
  /** Called when another file is in the place of the database that is open: nothing is written any more. */
  readonly onReplaced?: ((file: string) => void) | undefined
  readonly onHtpasswdChange?: (status: HtpasswdStatus, path: string) => void
  /** Sends news about log-ins to other processes that check passwords, too. */
  readonly loginRelay?: LoginRelay | undefined
  /** The same in all these processes; by default this one's own. */
  readonly loginSecret?: Uint8Array | undefined
}

/** Opens what commands and the server both need. Errors: `AppError`, `DatabaseError`. */
export async function openStore(
  config: Config,
  {
    onHtpasswdChange = () => {},
    onReplaced,
    loginRelay,
    loginSecret,
    headroom = new Headroom(config.dataDir),
    onFrozen = undefined,
    isFrozen = false,
  }: StoreOptions = {},
): Promise<Store> {
  refusePostgres(config)
  await prepareFolder(config.dataDir)
  const file = databaseFile(config.dataDir)
  const opened = await openDatabase(file, { onReplaced, headroom, onFrozen, isFrozen })
  const { database } = opened
  const guard = new LoginGuard({
    relay: loginRelay,
    secret: loginSecret,
    places: createLoginPlaces(database, Date.now),
  })
  const accounts = createAccounts({
    database,
    belongings: accountBelongings(database),
    htpasswdFile: config.htpasswdFile,
    weakHashes: config.weakHashes,
    onHtpasswdChange,
    guard,
  })
  return {
    database,
    accounts,
    guard,
    isFrozen: opened.isFrozen,
    async close() {
      await accounts.close()
      await guard.close()
      await database.close()
    },
  }
}

/** TODO(10): opens it, once the adapter is there. */
function refusePostgres({ database }: Config): void {
  if (database.engine === 'sqlite') return
  throw new AppError('DATABASE_UNUSABLE', 'PostgreSQL cannot be used yet', 'Set database to sqlite')
}

type DatabaseOptions = Pick<StoreOptions, 'onReplaced' | 'onFrozen' | 'isFrozen'> & {
  readonly headroom: Headroom
}
type OpenedDatabase = Pick<Store, 'database' | 'isFrozen'>

/** Logs that a server only reads. */
export function tellFrozen(logger: Logger, file: string): void {
  logger.error(
    { file },
    'the disk of the data folder is full: this server answers pulls from what is there and takes no pushes, until a ' +
      'command changes something; after that it answers nothing. Free space by other files than those of Berth, then restart it',
  )
}

/** Errors: `AppError` of the place `database`, `DatabaseError`. */
async function openDatabase(file: string, options: DatabaseOptions): Promise<OpenedDatabase> {
  try {
    if (options.isFrozen) return await openFrozen(file, options)
    return await openWithRoom(file, options)
  } catch (error) {
    throw toAppError(error, 'database', file)
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

/** Runs a part of the start. What SQLite finds wrong within it is an `AppError`; any other error stays what it is. */
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

/** Logs that the data folder was replaced under a server that runs. */
export function tellReplaced(logger: Logger, file: string): void {
  logger.error(
    { file },
    'the data folder was replaced while this server ran: it has the former database open, and takes no pushes and no ' +
      'changes until it is restarted',
  )
}

/** Tries once more with the room of the headroom, where the side files of SQLite did not fit; then without them. */
async function openWithRoom(file: string, options: DatabaseOptions): Promise<OpenedDatabase> {
  const openUsual = async (): Promise<OpenedDatabase> => ({
    database: await openSqliteDatabase<BerthSchema>(file, { ...options, migrations: MIGRATION_SETS }),
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
    const opened = await openFrozen(file, options)
    options.onFrozen(file)
    return opened
  }
}

/** Logs how it stands with an htpasswd file that was read. */
export function tellHtpasswd(
  logger: Logger,
  { usableAccounts, warnings, problem }: HtpasswdStatus,
  file: string,
): void {
  const isFine = problem === undefined && warnings.length === 0
  logger[isFine ? 'info' : 'warn']({ file, usableAccounts, warnings, problem }, 'htpasswd file read')
}
