import { unavailable } from '../connection/postgres-fault.ts'

/** Most transactions that wait for others of this process: all uploads at once that a process has descriptors for. */
const MAX_WAITING = 10_000

/** Lets so many transactions run at once, at least one; the others wait, in their order. */
export class TransactionGate {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(most: number) {
    this.#free = Math.max(1, most)
  }

  /** Errors: those of `work`; `OciError` `UNAVAILABLE` if too many wait. */
  async pass<R>(work: () => Promise<R>): Promise<R> {
    if (this.#free > 0) this.#free--
    else await this.#wait()
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) {
      throw unavailable('The database of this registry is too busy with other changes')
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
