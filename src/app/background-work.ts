import type { Logger } from 'pino'

/** Work that goes on after the request that began it, one piece of each name at a time. */
export class BackgroundWork {
  readonly #stopping = new AbortController()
  readonly #running = new Map<string, Promise<void>>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Aborted by {@link stop}. */
  get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  /** Begins work, unless some of this name is under way, or all is being stopped: then it returns false. A failure is logged. */
  begin(name: string, work: (signal: AbortSignal) => Promise<unknown>): boolean {
    if (this.#running.has(name) || this.stopping.aborted) return false
    const done = work(this.stopping)
      .then(
        () => undefined,
        (err: unknown) => {
          if (!this.stopping.aborted) this.#logger.error({ err }, `${name}, begun by a request, has failed`)
        },
      )
      .finally(() => this.#running.delete(name))
    this.#running.set(name, done)
    return true
  }

  /** Aborts all work, and waits for its end. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#running.values())
  }
}
