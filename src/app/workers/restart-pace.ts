import { setTimeout as sleep } from 'node:timers/promises'

/** Life of a worker, in milliseconds, after which its end shows no fault that the next one has at once. */
const STEADY_MS = 60_000
/**
 * First wait before the replacement of a worker that itself replaced a failed one, doubled each time, and the longest,
 * in milliseconds.
 */
const RESTART_DELAY_MS = 500
const MAX_RESTART_DELAY_MS = 30_000

/** Waits between a worker's end and the next start: none after the first failure, longer ones after each further. */
export class RestartPace {
  /** Workers in a row that did not live long. */
  #failures = 0

  /** Notes the life of a worker that has ended; `startedAt` is of `performance.now()`. */
  onEnded(startedAt: number): void {
    if (performance.now() - startedAt > STEADY_MS) this.#failures = -1
  }

  /** Waits before the next start, or until the signal. */
  async rest(signal: AbortSignal): Promise<void> {
    this.#failures++
    if (this.#failures <= 1) return
    const delayMs = Math.min(RESTART_DELAY_MS * 2 ** (this.#failures - 2), MAX_RESTART_DELAY_MS)
    // With no worker left this wait is all that keeps the process.
    await Promise.allSettled([sleep(delayMs, undefined, { signal })])
  }
}
