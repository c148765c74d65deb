/** Failures older than this are forgotten, in milliseconds. */
const WINDOW_MS = 15 * 60_000
/** Longest wait after a failure, in seconds: a person with the right password is soon let in. */
const MAX_DELAY_S = 30
/**
 * Keys remembered, at about 200 bytes; the one that failed longest ago goes first. To displace one takes as many
 * failures, at a hash each.
 */
const MAX_KEYS = 10_000

interface Failures {
  readonly count: number
  readonly lastAtMs: number
}

/**
 * Counts failed log-ins of each key; beyond the free ones each further one doubles the wait, up to {@link MAX_DELAY_S}.
 */
export class FailureCounts {
  readonly #failures = new Map<string, Failures>()
  readonly #clock: () => number
  readonly #free: number

  /** @param options `free`: failures of a key before it has to wait. */
  constructor({ clock, free }: { clock: () => number; free: number }) {
    this.#clock = clock
    this.#free = free
  }

  /** Milliseconds until the next check of this key; 0: now. */
  waitMs(key: string): number {
    const failures = this.#recent(key)
    return failures ? Math.max(0, failures.lastAtMs + this.#delayMs(failures.count) - this.#clock()) : 0
  }

  /** Failures that may follow without a wait. */
  room(key: string): number {
    return Math.max(0, this.#free - (this.#recent(key)?.count ?? 0))
  }

  has(key: string): boolean {
    return this.#failures.has(key)
  }

  add(key: string): void {
    const count = (this.#recent(key)?.count ?? 0) + 1
    this.#failures.delete(key)
    this.#failures.set(key, { count, lastAtMs: this.#clock() })
    if (this.#failures.size > MAX_KEYS) deleteFirst(this.#failures)
  }

  forget(key: string): void {
    this.#failures.delete(key)
  }

  #recent(key: string): Failures | undefined {
    const failures = this.#failures.get(key)
    if (!failures || this.#clock() - failures.lastAtMs < WINDOW_MS) return failures
    this.#failures.delete(key)
    return undefined
  }

  #delayMs(count: number): number {
    return count < this.#free ? 0 : Math.min(2 ** (count - this.#free), MAX_DELAY_S) * 1_000
  }
}

/** Removes the entry that was set longest ago. */
export function deleteFirst(map: Map<string, unknown>): void {
  for (const first of map.keys()) {
    map.delete(first)
    return
  }
}
