import { OciError } from '../../oci/errors.ts'

/** Primary result codes of SQLite that mean the disk or its owner, not the query (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5
const SQLITE_FULL = 13
const UNUSABLE: ReadonlyMap<number, string> = new Map([
  [SQLITE_BUSY, 'it is busy'],
  [6, 'it is locked'],
  [8, 'it is read-only'],
  [10, 'its disk failed'],
  [11, 'it is damaged'],
  [14, 'its file cannot be opened'],
  [26, 'it is damaged'],
])

/** Seconds after which a request that failed for a fault of the machine may be tried again. */
const RETRY_AFTER_S = 5

/** Message to a client when the disk of the database is full. */
export const FULL_MESSAGE =
  'The storage of this registry is full: nothing was changed. Try again once its operator has freed space'

/** True if the disk is full. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_FULL
}

/** True if another process holds a required lock. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY
}

/** Turns a failure of the storage below SQLite into the client's error; any other error is unchanged. */
export function toSqliteFault(error: unknown): unknown {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return error
  const primary = error.errcode & 0xff
  if (primary === SQLITE_FULL) {
    return new OciError('STORAGE_FULL', {
      message: FULL_MESSAGE,
      cause: error,
    })
  }
  const why = UNUSABLE.get(primary)
  if (why === undefined) return error
  return new OciError('UNAVAILABLE', {
    message: `The database of this registry cannot be used: ${why}`,
    retryAfterS: RETRY_AFTER_S,
    cause: error,
  })
}
