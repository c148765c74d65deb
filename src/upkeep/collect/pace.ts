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

  /** Counts a step. */
  count(bytes = 0): void {
    const { stepsPerSecond, bytesPerSecond } = this.#limits
    const ms = Math.max(1_000 / stepsPerSecond, (bytes * 1_000) / bytesPerSecond)
    this.#next = Math.max(this.#next, performance.now() - 1_000) + Math.min(ms, MAX_REST_MS)
  }
}
