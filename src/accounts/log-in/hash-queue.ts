import { AccountError } from '../accounts.ts'

/** Hash jobs at once: each takes a core and 19 MiB, and must leave threads of the pool to the files. */
export const MAX_RUNNING_JOBS = 2
/** Jobs that wait: at some 50 ms each on a small machine, the last one waits under two seconds. */
export const MAX_WAITING_JOBS = 32
/** Waiting jobs with those of known clients: a flood of guesses must not shut these out. */
const MAX_WAITING_JOBS_OF_ALL = 2 * MAX_WAITING_JOBS
/** Seconds after which a refused client may try again: by then the queue has emptied. */
const RETRY_AFTER_S = 2

/** Bounds of a queue, for tests; by default those above. */
interface HashQueueBounds {
  readonly maxRunning: number
  readonly maxWaiting: number
  readonly maxWaitingOfAll: number
}

/** Runs jobs that cost a core each, a few at a time, in order. */
export class HashQueue {
  readonly #bounds: HashQueueBounds
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(
    bounds: HashQueueBounds = {
      maxRunning: MAX_RUNNING_JOBS,
      maxWaiting: MAX_WAITING_JOBS,
      maxWaitingOfAll: MAX_WAITING_JOBS_OF_ALL,
    },
  ) {
    this.#bounds = bounds
  }

  /** Jobs that run. */
  get running(): number {
    return this.#running
  }

  /** Jobs that wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Runs a job when its turn comes. One that goes `first` passes waiting ones, and has room where others do not.
   * Errors: `AccountError` `TOO_MANY_ATTEMPTS` if too many wait; those of the job.
   */
  async run<T>(job: () => Promise<T>, options: { first: boolean }): Promise<T> {
    if (this.#running >= this.#bounds.maxRunning) await this.#waitForTurn(options.first)
    else this.#running++
    try {
      return await job()
    } finally {
      this.#passOn()
    }
  }

  #waitForTurn(first: boolean): Promise<void> {
    const { maxWaiting, maxWaitingOfAll } = this.#bounds
    if (this.#waiting.length >= (first ? maxWaitingOfAll : maxWaiting)) {
      throw new AccountError('TOO_MANY_ATTEMPTS', 'Too many passwords are being checked', RETRY_AFTER_S)
    }
    return new Promise((resolve) => {
      if (first) this.#waiting.unshift(resolve)
      else this.#waiting.push(resolve)
    })
  }

  /** The place goes to the next in line without becoming free in between. */
  #passOn(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#running--
  }
}
