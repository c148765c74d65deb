/** Lets a few pieces of work run at once, the others in turn. */
export class WorkGate {
  readonly #waiting: (() => void)[] = []
  #free: number

  /** @param width Pieces of work at once, at least 1. */
  constructor(width: number) {
    this.#free = width
  }

  /** Runs work when it is its turn. Errors: those of the work. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
