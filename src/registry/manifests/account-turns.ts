import { OciError } from '../../oci/errors.ts'

/** Requests of one account that may wait for their turn; each may hold a manifest in memory. */
const MAX_WAITING = 16
/** Seconds after which a refused client may try again. */
const RETRY_AFTER_S = 2

/** One piece of work at a time for each account; the others of it wait in order. */
export class AccountTurns {
  /** For each account at work, the waiting requests. */
  readonly #waiting = new Map<string, (() => void)[]>()

  /** Errors: `TOOMANYREQUESTS` if {@link MAX_WAITING} wait; those of the work. */
  async run<T>(account: string, work: () => Promise<T>): Promise<T> {
    const waiting = this.#waiting.get(account)
    if (waiting && waiting.length >= MAX_WAITING) {
      throw new OciError('TOOMANYREQUESTS', {
        message: 'Too many large manifests of this account are under way: wait, then try again',
        retryAfterS: RETRY_AFTER_S,
      })
    }
    if (waiting) await new Promise<void>((resolve) => waiting.push(resolve))
    else this.#waiting.set(account, [])
    try {
      return await work()
    } finally {
      const next = this.#waiting.get(account)?.shift()
      if (next) next()
      else this.#waiting.delete(account)
    }
  }
}
