import { setTimeout as sleep } from 'node:timers/promises'

/** Orders that may be opened within {@link WINDOW_MS}: a proxy with a thousand hosts must not storm its CA. */
export const MAX_ORDERS = 10
/** In ms. */
const WINDOW_MS = 10_000

/** Lets {@link MAX_ORDERS} orders pass in any {@link WINDOW_MS}; further ones wait for their turn. */
export class OrderThrottle {
  readonly #passes: number[] = []
  readonly #windowMs: number

  constructor(windowMs: number = WINDOW_MS) {
    this.#windowMs = windowMs
  }

  /** Settles when an order may be opened. Errors: that of the signal. */
  async pass(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted()
      // The clock of the machine may be set back; this one only goes forward.
      const now = performance.now()
      while ((this.#passes[0] ?? now) <= now - this.#windowMs) this.#passes.shift()
      if (this.#passes.length < MAX_ORDERS) break
      await sleep((this.#passes[0] ?? now) + this.#windowMs - now + 1, undefined, { signal })
    }
    this.#passes.push(performance.now())
  }
}
