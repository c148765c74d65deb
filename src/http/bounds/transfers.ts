import { OciError } from '../../oci/errors.ts'
import { MAX_TRANSFERS } from '../../stream/buffer-budget.ts'
import { FairShare } from './fair-share.ts'

/** Seconds after which a refused client may try again. */
const RETRY_AFTER_S = 5

/** Counts the transfers of each account: one account must not take all that are possible at once. */
export class Transfers {
  readonly #shares = new FairShare(MAX_TRANSFERS)
  #count = 0

  /** Transfers under way. */
  get count(): number {
    return this.#count
  }

  /** Counts a transfer in, until it is disposed of. Errors: `TOOMANYREQUESTS`. */
  enter(account: string): Disposable {
    if (!this.#shares.take(account, 1)) {
      throw new OciError('TOOMANYREQUESTS', {
        message: 'Too many transfers of this account are under way: wait until some end, then try again',
        retryAfterS: RETRY_AFTER_S,
      })
    }
    this.#count++
    return {
      [Symbol.dispose]: () => {
        this.#count--
        this.#shares.give(account, 1)
      },
    }
  }
}
