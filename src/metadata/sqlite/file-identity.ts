import { statSync } from 'node:fs'
import { OciError } from '../../oci/errors.ts'

/** Seconds after which a request that was refused may be tried again: a restart takes a few. */
const RETRY_AFTER_S = 30

/** Called once, when the file is found replaced. */
export type OnReplaced = (file: string) => void

/**
 * A database file that is open, by its place: whoever moves another file or folder there, as a restore does, leaves the
 * connections with a file that nobody sees any more. A file that is written over keeps its identity and is not noticed.
 */
export class FileIdentity {
  readonly #file: string
  readonly #opened: string
  readonly #onReplaced: OnReplaced
  #isReported = false

  /** The file is there. Errors: those of the system. */
  constructor(file: string, onReplaced: OnReplaced) {
    this.#file = file
    this.#onReplaced = onReplaced
    const { dev, ino } = statSync(file, { bigint: true })
    this.#opened = `${dev} ${ino}`
  }

  /** Fails with `OciError` `UNAVAILABLE` if another file, or none, is in the place of the one that was opened. */
  check(): void {
    if (this.#isInPlace()) return
    if (!this.#isReported) this.#onReplaced(this.#file)
    this.#isReported = true
    throw new OciError('UNAVAILABLE', {
      message:
        'The data folder of this registry was replaced while it ran: nothing was stored. It takes pushes again once it is restarted',
      retryAfterS: RETRY_AFTER_S,
    })
  }

  /** What cannot be looked at for another reason counts as in place: a write to it will say what is wrong. */
  #isInPlace(): boolean {
    try {
      const found = statSync(this.#file, { bigint: true, throwIfNoEntry: false })
      return found !== undefined && `${found.dev} ${found.ino}` === this.#opened
    } catch {
      return true
    }
  }
}
