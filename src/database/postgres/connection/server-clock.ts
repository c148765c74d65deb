/** Age of a comparison from which on the clocks are compared again, in ms. */
const COMPARE_EVERY_MS = 60_000

/** The server's time, in milliseconds since 1970. */
export const SERVER_TIME = 'select extract(epoch from clock_timestamp())::float8 * 1000 as now'

/** Dependencies of the clock. */
interface ServerClockParts {
  /** Asks the server for its time, in milliseconds since 1970. */
  readonly readTime: () => Promise<number>
  /** This process's clock, in milliseconds since 1970. */
  readonly ownClock: () => number
}

/**
 * The clock of a server, estimated from that of this process: the difference is measured once a minute, beside the
 * requests that need the time. Its error is at most half the time that the question took.
 *
 * Where the server cannot be reached the last known difference holds.
 */
export class ServerClock {
  readonly #parts: ServerClockParts
  /** Time by which the server is ahead of this process, in ms. */
  #aheadMs = 0
  #comparedAt = Number.NEGATIVE_INFINITY
  #isComparing = false

  constructor(parts: ServerClockParts) {
    this.#parts = parts
  }

  /** Milliseconds since 1970. */
  now(): number {
    const own = this.#parts.ownClock()
    // Negative after this machine's clock was set back.
    const age = own - this.#comparedAt
    if ((age >= COMPARE_EVERY_MS || age < 0) && !this.#isComparing) void this.compare().catch(() => {})
    return Math.round(own + this.#aheadMs)
  }

  /** Measures the difference. Errors: those of the question. */
  async compare(): Promise<void> {
    const { readTime, ownClock } = this.#parts
    const sentAt = ownClock()
    const sentMs = performance.now()
    this.#comparedAt = sentAt
    this.#isComparing = true
    try {
      const time = await readTime()
      const halfMs = (performance.now() - sentMs) / 2
      const aheadMs = time - (sentAt + halfMs)
      // A slow answer says less than the known difference, unless they contradict each other.
      if (Math.abs(aheadMs - this.#aheadMs) > halfMs) this.#aheadMs = aheadMs
    } finally {
      this.#isComparing = false
    }
  }
}
