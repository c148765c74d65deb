import { unavailable } from '../connection/postgres-fault.ts'

/** Most transactions that wait for others of this process: all uploads at once that a process has descriptors for. */
const MAX_WAITING = 10_000
/**
 * Longest wait, in ms: longer than that queue takes where the server answers, and as long as clients have patience. A
 * server that is silent holds those before for as long as a connection may be.
 */
const MAX_WAIT_MS = 60_000

/** Lets so many transactions run at once, at least one; the others wait, in their order. */
export class TransactionGate {
  #free: number
  readonly #maxWaitMs: number
  /** Begins of those that wait, the first of them first. */
  readonly #waiting = new Set<() => void>()

  constructor(most: number, { maxWaitMs = MAX_WAIT_MS } = {}) {
    this.#free = Math.max(1, most)
    this.#maxWaitMs = maxWaitMs
  }

  /** Errors: those of `work`; `OciError` `UNAVAILABLE` if too many wait, or for too long. */
  async pass<R>(work: () => Promise<R>): Promise<R> {
    if (this.#free > 0) this.#free--
    else await this.#wait()
    try {
      return await work()
    } finally {
      const [next] = this.#waiting
      if (next) next()
      else this.#free++
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.size >= MAX_WAITING) throw tooBusy()
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(begin)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(begin)
        reject(tooBusy())
      }, this.#maxWaitMs)
      this.#waiting.add(begin)
    })
  }
}

function tooBusy() {
  return unavailable('The database of this registry is too busy with other changes')
}
