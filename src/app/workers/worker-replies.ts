/** Longest wait for the reply of a worker, in milliseconds: one that hangs must not hold up a scrape or a command. */
const REPLY_TIMEOUT_MS = 1_000

/** Requests to workers that each wait for one reply. Requests of the same moment share a reply. */
export class WorkerReplies<W extends object, R> {
  readonly #timeoutMs: number
  readonly #waiting = new Map<W, PromiseWithResolvers<R | undefined>>()

  constructor(timeoutMs: number = REPLY_TIMEOUT_MS) {
    this.#timeoutMs = timeoutMs
  }

  /** The reply of a worker; undefined if it does not reply in time or has ended. */
  async request(worker: W, send: (worker: W) => void): Promise<R | undefined> {
    const open = this.#waiting.get(worker)
    if (open) return open.promise
    const reply = Promise.withResolvers<R | undefined>()
    const timer = setTimeout(() => reply.resolve(undefined), this.#timeoutMs)
    this.#waiting.set(worker, reply)
    send(worker)
    try {
      return await reply.promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(worker)
    }
  }

  /** Takes the reply of a worker. */
  onReply(worker: W, reply: R): void {
    this.#waiting.get(worker)?.resolve(reply)
  }

  /** A worker that has ended replies no more. */
  onEnded(worker: W): void {
    this.#waiting.get(worker)?.resolve(undefined)
  }
}
