import type { RowMemory } from '../../row-memory.ts'

/**
 * Longest time that a row is remembered without a sign that nothing has changed, in ms. A node without notifications
 * sees others' changes so much later; ended log-ins and removed rights are among them.
 */
export const MAX_UNCONFIRMED_MS = 1_000

/** Rows that were read, until something changes or it is unknown if something has. */
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

  /** A number that differs once earlier reads may be out of date. */
  version(): number {
    const now = this.#now()
    if (now >= this.#validUntil) {
      this.forget()
      this.#validUntil = now + MAX_UNCONFIRMED_MS
    }
    return this.#version
  }

  /** Null: it is remembered that there is no such row. */
  get(key: string): object | null | undefined {
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

  /** Remembers that there was no row when the version was `readAt`, under the same condition. */
  addAbsent(key: string, readAt: number): void {
    if (this.version() === readAt) this.#memory.addAbsent(key)
  }

  /** Something has changed, or may have. */
  forget(): void {
    this.#version++
    this.#memory.clear()
  }

  /** Notes that all changes before `time` have been notified. */
  confirm(time: number): void {
    this.#validUntil = Math.max(this.#validUntil, time + MAX_UNCONFIRMED_MS)
  }
}
