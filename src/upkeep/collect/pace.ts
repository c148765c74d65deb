import { setTimeout as sleep } from 'node:timers/promises'

/** Bounds of a work that must not slow down requests. */
export interface PaceLimits {
  /** Steps a second. */
  readonly stepsPerSecond: number
  /** Bytes a second that are removed or read. */
  readonly bytesPerSecond: number
}

/** Longest rest before one step, in milliseconds: a blob of many gigabytes must not stop the work for hours. */
const MAX_REST_MS = 10_000
/**
 * Delay that is made up for by steps without a rest, in milliseconds. More of it would be a burst of steps, and requests would
 * wait for the whole of it; less would lose pace at each timer that is late.
 */
const MAX_CATCH_UP_MS = 50

/** Spreads steps over time. */
export class Pace {
  readonly #limits: PaceLimits
  /** Time before which no step begins, as of `performance.now()`. */
  #next = 0

  constructor(limits: PaceLimits) {
    this.#limits = limits
  }

  /** Rests for as long as the steps before took too little time. Errors: the reason of the signal. */
  async rest(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const wait = this.#next - performance.now()
    // Short waits are gathered: a timer takes a millisecond at least.
    if (wait > 2) await sleep(Math.min(wait, MAX_REST_MS), undefined, signal ? { signal } : {})
  }

  /** Counts work that is done: bytes, and steps, of which a transaction over many rows is more than one. */
  count(bytes = 0, steps = 1): void {
    const { stepsPerSecond, bytesPerSecond } = this.#limits
    const ms = Math.max((steps * 1_000) / stepsPerSecond, (bytes * 1_000) / bytesPerSecond)
    this.#next = Math.max(this.#next, performance.now() - MAX_CATCH_UP_MS) + Math.min(ms, MAX_REST_MS)
  }
}
