import type { RowMemory } from '../row-memory.ts'

/**
 * Longest time that a row is remembered without a sign that nothing has changed, in ms. So much later does a node see
 * what others change while it cannot hear of changes; log-ins that were ended and rights that were taken away are among
 * them.
 */
export const MAX_UNHEARD_MS = 1_000

/** Rows that were read, until something changes or nobody can say that nothing has. */
export class RememberedRows {
  readonly #memory: RowMemory
  readonly #now: () => number
  #version = 0
  #validUntil = 0

  /** `now`: milliseconds that only grow. */
  constructor(memory: RowMemory, now: () => number) {
    this.#memory = memory
    this.#now = now
  }

  /** Another number once what was read before may no longer hold. */
  version(): number {
    const now = this.#now()
    if (now >= this.#validUntil) {
      this.forget()
      this.#validUntil = now + MAX_UNHEARD_MS
    }
    return this.#version
  }

  get(key: string): object | undefined {
    this.version()
    return this.#memory.get(key)
  }

  /**
   * Remembers a row that was read when the version was `readAt`. If it is another one by now, the row may have been
   * read before the change and is arriving after it.
   */
  add(key: string, row: object, readAt: number): void {
    if (this.version() === readAt) this.#memory.add(key, row)
  }

  /** Something has changed, or may have. */
  forget(): void {
    this.#version++
    this.#memory.clear()
  }

  /** Nothing that was remembered had changed at `time`: all changes before it were heard of. */
  confirm(time: number): void {
    this.#validUntil = Math.max(this.#validUntil, time + MAX_UNHEARD_MS)
  }
}
