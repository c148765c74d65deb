import { statSync } from 'node:fs'
import { OciError } from '../../oci/errors.ts'

/** Seconds after which a refused request may be tried again: a restart takes a few. */
const RETRY_AFTER_S = 30

/** Called once, when the file is found replaced. */
export type OnReplaced = (file: string) => void

/**
 * An open database file, with the files beside it, by their places: a restore that moves another file or folder there,
 * or the removal of SQLite's log, leaves the connections with files that no longer have a name. A file that is
 * overwritten keeps its identity and is not noticed.
 */
export class FileIdentity {
  readonly #file: string
  /** Device and inode of each file as it was opened. */
  readonly #opened: Map<string, string>
  readonly #onReplaced: OnReplaced
  #isReported = false

  /** The file is there. Errors: those of the system. */
  constructor(file: string, onReplaced: OnReplaced) {
    this.#file = file
    this.#onReplaced = onReplaced
    this.#opened = new Map([[file, identityOf(statSync(file, { bigint: true }))]])
  }

  /**
   * Adds SQLite's log and shared memory, which have their place as long as a connection is open
   * (sqlite.org/walformat.html). Missing ones, as of a database that is only read, are left out.
   */
  addSideFiles(): void {
    for (const file of [`${this.#file}-wal`, `${this.#file}-shm`]) {
      const found = statSync(file, { bigint: true, throwIfNoEntry: false })
      if (found) this.#opened.set(file, identityOf(found))
    }
  }

  /** Fails with `OciError` `UNAVAILABLE` if another file, or none, is in the place of one that was opened. */
  check(): void {
    for (const [file, opened] of this.#opened) {
      if (isInPlace(file, opened)) continue
      if (!this.#isReported) this.#onReplaced(file)
      this.#isReported = true
      throw new OciError('UNAVAILABLE', {
        message:
          'The data folder of this registry was replaced while it ran: nothing was stored. It takes pushes again once it is restarted',
        retryAfterS: RETRY_AFTER_S,
      })
    }
  }
}

/** A file that cannot be examined for another reason counts as in place: a write to it gives the error. */
function isInPlace(file: string, opened: string): boolean {
  try {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false })
    return found !== undefined && identityOf(found) === opened
  } catch {
    return true
  }
}

function identityOf({ dev, ino }: { dev: bigint; ino: bigint }): string {
  return `${dev} ${ino}`
}
