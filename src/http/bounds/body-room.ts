import { OciError } from '../../oci/errors.ts'
import { FairShare } from './fair-share.ts'

/** Seconds after which a refused client may try again. */
const RETRY_AFTER_S = 2

/** Part of a {@link BodyRoom}, returned when it is disposed of. */
export interface BodyHold extends Disposable {
  /**
   * Counts bytes that came. Errors: `TOOMANYREQUESTS` if all bodies together would be more than the room, or those of
   * one holder more than its share.
   */
  add(bytes: number): void
}

/** Bounds the memory of bodies that are held whole, all requests together. Only received bytes take room. */
export class BodyRoom {
  readonly #maxBytes: number
  readonly #shares: FairShare
  #held = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#shares = new FairShare(maxBytes)
  }

  /** @param holder Owner of the body: an account, or an address if there is none yet. */
  hold(holder: string): BodyHold {
    let mine = 0
    return {
      add: (bytes) => {
        if (this.#held + bytes > this.#maxBytes || !this.#shares.take(holder, bytes)) throw full()
        this.#held += bytes
        mine += bytes
      },
      [Symbol.dispose]: () => {
        this.#held -= mine
        this.#shares.give(holder, mine)
        mine = 0
      },
    }
  }
}

function full(): OciError {
  return new OciError('TOOMANYREQUESTS', {
    message: 'Too many large requests are under way: wait, then try again',
    retryAfterS: RETRY_AFTER_S,
  })
}
