import { accessSync, closeSync, constants, existsSync, openSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from './app-error.ts'
import { type FaultPlace, type FaultRow, SYSTEM_FAULTS } from './system-fault-rows.ts'

interface Subject {
  /** Path or address that was used. */
  readonly what: string
  /** Its folder. */
  readonly folder: string
  /** Who owns it, such as ` (its owner is the user with id 1000)`; empty if that is not known. */
  readonly owner: string
  /** User id of this process. */
  readonly user: string
}

/**
 * The error a command reports for a failed call of the system, which may be the cause of another error; what the table
 * does not hold stays what it is. `what` is the path or address as a person knows it; undefined: the error's own path.
 */
export function toAppError(error: unknown, place: FaultPlace, what?: string): unknown {
  if (error instanceof AppError) return error
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const path = pathOf(cause) ?? what ?? 'a file'
    const row = SYSTEM_FAULTS[place][errnoOf(cause, place, path) ?? '']
    if (row) return asError(row, what ?? path, error)
  }
  return error
}

function asError(row: FaultRow, what: string, cause: unknown): AppError {
  const subject: Subject = {
    what,
    folder: dirname(what.replace(/^unix:/, '')),
    owner: ownerOf(what),
    user: String(process.getuid?.() ?? 'unknown'),
  }
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (_all, name: keyof Subject) => subject[name])
  return new AppError(row.code, fill(row.what), fill(row.remedy), cause)
}

/** Primary result codes of SQLite (sqlite.org/rescode.html) that say why by themselves. */
const SQLITE_CODES: ReadonlyMap<number, string> = new Map([
  [5, 'SQLITE_BUSY'],
  [6, 'SQLITE_BUSY'],
  [11, 'SQLITE_CORRUPT'],
  [13, 'ENOSPC'],
  [26, 'SQLITE_NOTADB'],
])
/** Those that do not: it is read-only, its disk failed, its file cannot be opened. */
const SQLITE_UNCLEAR: ReadonlySet<number> = new Set([8, 10, 14])

function errnoOf(error: Error, place: FaultPlace, path: string): string | undefined {
  const errno = 'errcode' in error ? sqliteErrno(Number(error.errcode) & 0xff, path) : systemErrno(error)
  return errno === 'ENOSPC' && place !== 'port' && hasSpaceOnly(path) ? 'NO_INODES' : errno
}

/** Also of errors that Berth makes itself with the errno of what it found. */
function systemErrno(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function sqliteErrno(code: number, file: string): string | undefined {
  if (!SQLITE_UNCLEAR.has(code)) return SQLITE_CODES.get(code)
  return errnoOfFiles(file) ?? (code === 10 ? 'EIO' : 'SQLITE_CANTOPEN')
}

/** Why a database cannot be used, as the system says it of its files. None is opened: to close it would drop SQLite's locks. */
function errnoOfFiles(file: string): string | undefined {
  try {
    const { R_OK, W_OK, X_OK } = constants
    accessSync(dirname(file), R_OK | W_OK | X_OK)
    for (const name of [file, `${file}-wal`, `${file}-shm`].filter((path) => existsSync(path))) {
      if (statSync(name).isDirectory()) return 'EISDIR'
      accessSync(name, R_OK | W_OK)
    }
    closeSync(openSync('/dev/null', 'r'))
    const space = spaceOf(file)
    return space && (space.isFull || !space.hasInodes) ? 'ENOSPC' : undefined
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : undefined
  }
}

/** Below this many bytes SQLite finds no room for its side files. */
const SIDE_FILES_BYTES = 64 * 1024

/** How full the disk of a path is that is there, or would be in its folder; undefined if that cannot be found out. */
function spaceOf(path: string): { isFull: boolean; hasInodes: boolean } | undefined {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(existsSync(path) ? path : dirname(path))
    return { isFull: bavail * bsize < SIDE_FILES_BYTES, hasInodes: files === 0 || ffree > 0 }
  } catch {
    return undefined
  }
}

function hasSpaceOnly(path: string): boolean {
  const space = spaceOf(path)
  return space !== undefined && !space.isFull && !space.hasInodes
}

function ownerOf(path: string): string {
  try {
    const { uid } = statSync(path)
    return ` (its owner is the user with id ${uid})`
  } catch {
    return ''
  }
}

function pathOf(error: Error): string | undefined {
  return 'path' in error && typeof error.path === 'string' ? error.path : undefined
}
