import { existsSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { OciError } from '../../oci/errors.ts'

/*
 * A database on a disk with no room for SQLite's side files: it is read without locks, which gives right answers only as
 * long as nobody changes the file.
 */

/** Seconds after which a refused request may be tried again: a restart takes a few. */
const RETRY_AFTER_S = 30

/** Opens the file without locks and side files. `immutable`: see sqlite.org/uri.html. */
export function connectFrozen(file: string): DatabaseSync {
  const url = pathToFileURL(file)
  url.search = '?mode=ro&immutable=1'
  return new DatabaseSync(url, { readOnly: true })
}

/**
 * Brings what is in SQLite's log into the database, with the memory that it shares in this process only: a full disk has no
 * room for it. No other process has the database open. Errors: those of SQLite, if the database would have to grow.
 */
export function emptyLog(file: string): void {
  if (!existsSync(`${file}-wal`)) return
  const alone = new DatabaseSync(file, { timeout: 0 })
  try {
    const result = alone.prepare('pragma locking_mode = exclusive').get()
    const { busy } = alone.prepare('pragma wal_checkpoint(truncate)').get() ?? {}
    if (result === undefined || busy !== 0)
      throw Object.assign(new Error('the log is in use'), { errcode: 5 })
  } finally {
    alone.close()
  }
}

/**
 * The state of such a file when it was opened. Once a command has changed it, SQLite would mix pages it has read before
 * with new ones, and find rows that are gone, or none where there are some.
 */
export class FrozenFile {
  readonly #file: string
  readonly #opened: string

  /** The file is there. Errors: those of the system. */
  constructor(file: string) {
    this.#file = file
    this.#opened = readState(file)
  }

  /** Before each read. Fails with `OciError` `UNAVAILABLE` if the file was changed, or its log waits to be brought in. */
  check(): void {
    const log = statSync(`${this.#file}-wal`, { throwIfNoEntry: false })
    if ((log?.size ?? 0) === 0 && readState(this.#file) === this.#opened) return
    throw new OciError('UNAVAILABLE', {
      message:
        'The database was changed while this registry only reads it, as the disk was full when it started: it answers again once it is restarted',
      retryAfterS: RETRY_AFTER_S,
    })
  }
}

function readState(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? '' : [found.dev, found.ino, found.size, found.mtimeNs].join(' ')
}
