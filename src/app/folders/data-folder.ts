import { closeSync, constants, existsSync, openSync, statSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isBusy } from '../../database/sqlite/sqlite-fault.ts'
import { makeMissingFolders, PRIVATE_FOLDER, syncMade } from '../../files/durable.ts'
import { AppError } from '../faults/app-error.ts'
import { toAppError } from '../faults/system-fault.ts'

/** Longest wait of a start for the lock, in milliseconds: a command that tests the lock holds it for a moment. */
const LOCK_TIMEOUT_MS = 500
/** Longest wait of a start for the workers of a killed server, in milliseconds: they end by themselves. */
const WORKERS_TIMEOUT_MS = 5_000

/** Name of the file that a running server holds locked in its data folder. */
export const LOCK_FILE = 'server.lock'

/** Name of the file that marks a data folder as one whose restore has not ended. */
export const RESTORE_MARK = 'restore.json'

/** Path of the database inside a data folder. */
export function databaseFile(dataDir: string): string {
  return join(dataDir, 'berth.db')
}

/**
 * Makes the data folder, for its owner alone and durably, and checks that it is writable. Errors: `AppError` of the place `data`.
 */
export async function prepareFolder(folder: string): Promise<void> {
  try {
    const firstMade = await makeMissingFolders(folder, PRIVATE_FOLDER)
    // A cut of the power that takes the folder takes the durable files inside it, too.
    if (firstMade !== undefined) await syncMade(folder, firstMade)
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw toAppError(cause, 'data', folder)
  }
}

/**
 * Takes the data folder for one server: two would not know of each other's uploads. The system releases the lock when
 * the process ends, however it ends. Errors: `AppError` `DATA_IN_USE`, and those of the place `database` if the lock
 * cannot be taken for another reason.
 */
export function lockDataFolder(dataDir: string): Disposable {
  const lock = takeLock(dataDir, lockFile(dataDir), LOCK_TIMEOUT_MS)
  try {
    if (existsSync(workersFile(dataDir))) takeLock(dataDir, workersFile(dataDir), WORKERS_TIMEOUT_MS).close()
  } catch (error) {
    lock.close()
    throw error
  }
  return { [Symbol.dispose]: () => lock.close() }
}

/**
 * Marks the data folder as in use by this process, so that no other server starts while it lives, even if the server
 * itself was killed. Errors: those of SQLite.
 */
export function shareDataFolder(dataDir: string): Disposable {
  makePrivate(workersFile(dataDir))
  const lock = new DatabaseSync(workersFile(dataDir), { timeout: LOCK_TIMEOUT_MS })
  // A transaction that has read holds SQLite's shared lock.
  lock.exec('begin; select count(*) from sqlite_master')
  return { [Symbol.dispose]: () => lock.close() }
}

/**
 * Locks a file, which is made if it is missing; undefined if another process holds it after `timeout` milliseconds. The
 * system releases it with the process. Errors: those of the place `database`.
 */
export function takeFileLock(file: string, timeout: number): Disposable | undefined {
  try {
    const lock = lockExclusively(file, timeout)
    return { [Symbol.dispose]: () => lock.close() }
  } catch (cause) {
    if (isBusy(cause)) return undefined
    throw toAppError(cause, 'database', file)
  }
}

/**
 * Marks a file as in use by this process, beside others; {@link takeFileLock} then fails. Undefined while another process
 * holds it alone. Errors: those of the place `database`.
 */
export function shareFileLock(file: string): Disposable | undefined {
  try {
    makePrivate(file)
    const lock = new DatabaseSync(file, { timeout: LOCK_TIMEOUT_MS })
    // A transaction that has read holds SQLite's shared lock.
    lock.exec('begin; select count(*) from sqlite_master')
    return { [Symbol.dispose]: () => lock.close() }
  } catch (cause) {
    if (isBusy(cause)) return undefined
    throw toAppError(cause, 'database', file)
  }
}

/** Errors: those of SQLite. */
function lockExclusively(file: string, timeout: number): DatabaseSync {
  makePrivate(file)
  const lock = new DatabaseSync(file, { timeout })
  try {
    // With its journal in memory SQLite writes nothing to take the lock, which works on a full disk, too.
    lock.exec('pragma journal_mode = memory; pragma locking_mode = exclusive; begin exclusive')
    return lock
  } catch (error) {
    lock.close()
    throw error
  }
}

function takeLock(dataDir: string, file: string, timeout: number): DatabaseSync {
  try {
    return lockExclusively(file, timeout)
  } catch (cause) {
    if (!isBusy(cause)) throw toAppError(cause, 'database', file)
    throw new AppError(
      'DATA_IN_USE',
      `Another Berth serves the data folder ${dataDir}`,
      `Stop it first ("fuser ${file}" names its process), or name another folder with --data`,
      cause,
    )
  }
}

/** Makes a file for its owner alone. An existing one is not opened: to close it would drop locks of this process. */
function makePrivate(file: string): void {
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600))
}

/**
 * Finds entries of a data folder that other users of the machine may use, though it holds password hashes and signing
 * keys, with the command that changes that; undefined: none.
 */
export function findWideModes(
  dataDir: string,
): { readonly paths: readonly string[]; readonly cure: string } | undefined {
  const found = [dataDir, databaseFile(dataDir)].filter((path) => {
    const facts = statSync(path, { throwIfNoEntry: false })
    return facts !== undefined && (facts.mode & 0o077) !== 0
  })
  if (found.length === 0) return undefined
  return { paths: found, cure: `chmod -R go= ${dataDir}` }
}

/** True if a server holds the data folder now. */
export function isLocked(dataDir: string): boolean {
  if (!existsSync(lockFile(dataDir))) return false
  const lock = new DatabaseSync(lockFile(dataDir), { readOnly: true, timeout: 0 })
  try {
    lock.exec('select count(*) from sqlite_master')
    return false
  } catch (error) {
    if (isBusy(error)) return true
    throw error
  } finally {
    lock.close()
  }
}

function lockFile(dataDir: string): string {
  return join(dataDir, LOCK_FILE)
}

function workersFile(dataDir: string): string {
  return join(dataDir, 'workers.lock')
}
