import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from './app-error.ts'
import { type FaultPlace, type FaultRow, SYSTEM_FAULTS } from './system-fault-rows.ts'

interface Subject {
  /** Path or address that was used. */
  readonly what: string
  /** Its folder. */
  readonly folder: string
  /** Owner, such as ` (its owner is the user with id 1000)`; empty if unknown. */
  readonly owner: string
  /** User id of this process. */
  readonly user: string
}

/**
 * The error that a command reports for a failed call of the system, which may be the cause of another error; errors
 * missing in the table are unchanged. `what` is the path or address as a person knows it; undefined: the error's own
 * path.
 */
export function toAppError(error: unknown, place: FaultPlace, what?: string): unknown {
  if (error instanceof AppError) return error
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const found = findFault(cause, place, pathOf(cause) ?? what)
    const row = SYSTEM_FAULTS[place][found.errno ?? '']
    if (row) return asError(row, found.file ?? what ?? pathOf(cause) ?? nameOf(cause), error)
  }
  return error
}

function asError(row: FaultRow, what: string, cause: unknown): AppError {
  const subject: Subject = {
    what,
    folder: dirname(what.replace(/^unix:/, '')),
    owner: readOwner(what),
    user: String(process.getuid?.() ?? 'unknown'),
  }
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (_all, name: keyof Subject) => subject[name])
  return new AppError(row.code, fill(row.what), fill(row.remedy), cause)
}

/** Primary result codes of SQLite (sqlite.org/rescode.html) that name the cause by themselves. */
const SQLITE_CODES: ReadonlyMap<number, string> = new Map([
  [5, 'SQLITE_BUSY'],
  [6, 'SQLITE_BUSY'],
  [11, 'SQLITE_CORRUPT'],
  [13, 'ENOSPC'],
  [26, 'SQLITE_NOTADB'],
])
/** Those that do not: it is read-only, its disk failed, its file cannot be opened. */
const SQLITE_UNCLEAR: ReadonlySet<number> = new Set([8, 10, 14])

/** Cause of a failed call: one of the table's names. */
interface Fault {
  readonly errno: string | undefined
  /** The affected file, if it is not the caller's. */
  readonly file?: string
}

function findFault(error: Error, place: FaultPlace, path: string | undefined): Fault {
  const fault: Fault =
    'errcode' in error ? sqliteFault(Number(error.errcode) & 0xff, path ?? '') : { errno: systemErrno(error) }
  if (fault.errno === 'EACCES' && place !== 'port' && isOwn(fault.file ?? path))
    return { ...fault, errno: 'OWN_MODE' }
  if (fault.errno === 'ENOENT' && place !== 'port' && path !== undefined && isReadOnlyAbove(path))
    return { ...fault, errno: 'EROFS' }
  const isOfDisk = fault.errno === 'ENOSPC' && place !== 'port' && path !== undefined
  return isOfDisk && hasSpaceOnly(path) ? { ...fault, errno: 'NO_INODES' } : fault
}

/** The errno of a system error, or of Berth's own error about one. */
function systemErrno(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function sqliteFault(code: number, file: string): Fault {
  if (!SQLITE_UNCLEAR.has(code)) return { errno: SQLITE_CODES.get(code) }
  return findFileFault(file) ?? { errno: code === 10 ? 'SQLITE_IOERR' : 'SQLITE_CANTOPEN' }
}

/**
 * Cause why a database cannot be used, found in the system's errors about its files. None is opened: to close it would
 * drop SQLite's locks.
 */
function findFileFault(file: string): Fault | undefined {
  let name = dirname(file)
  try {
    const { R_OK, W_OK, X_OK } = constants
    accessSync(name, R_OK | W_OK | X_OK)
    for (name of [file, `${file}-wal`, `${file}-shm`]) {
      // A link without a target exists, too.
      if (lstatSync(name, { throwIfNoEntry: false }) === undefined) continue
      if (statSync(name).isDirectory()) return { errno: 'EISDIR', file: name }
      accessSync(name, R_OK | W_OK)
    }
    name = file
    closeSync(openSync('/dev/null', 'r'))
    const space = readSpace(file)
    return space && (space.isFull || !space.hasInodes) ? { errno: 'ENOSPC' } : undefined
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) return undefined
    return { errno: String(error.code), file: name }
  }
}

/** Below this many bytes SQLite finds no room for its side files. */
const SIDE_FILES_BYTES = 64 * 1024

/** Free space on the disk of an existing path, or of its future folder; undefined if unknown. */
function readSpace(path: string): { isFull: boolean; hasInodes: boolean } | undefined {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(existsSync(path) ? path : dirname(path))
    return { isFull: bavail * bsize < SIDE_FILES_BYTES, hasInodes: files === 0 || ffree > 0 }
  } catch {
    return undefined
  }
}

function hasSpaceOnly(path: string): boolean {
  const space = readSpace(path)
  return space !== undefined && !space.isFull && !space.hasInodes
}

/** True if a path is missing because its disk is read-only: Node then reports folders within folders as missing. */
function isReadOnlyAbove(path: string): boolean {
  let folder = dirname(path)
  while (!existsSync(folder)) folder = dirname(folder)
  try {
    accessSync(folder, constants.W_OK)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EROFS'
  }
}

/** True if a path belongs to the user of this process: then its mode is the fault. */
function isOwn(path: string | undefined): boolean {
  try {
    return path !== undefined && statSync(path).uid === process.getuid?.()
  } catch {
    return false
  }
}

function readOwner(path: string): string {
  try {
    const { uid } = statSync(path)
    return ` (its owner is the user with id ${uid})`
  } catch {
    return ''
  }
}

/** Subject of a call without a path. */
function nameOf(error: Error): string {
  if ('syscall' in error && error.syscall === 'write') return 'standard output, or of a file,'
  return 'syscall' in error && error.syscall === 'uv_cwd' ? 'the folder that this was started in' : 'a file'
}

function pathOf(error: Error): string | undefined {
  return 'path' in error && typeof error.path === 'string' ? error.path : undefined
}
