/** Time between two looks, in milliseconds: what asks in between is answered with 421. */
const LOOK_EVERY_MS = 1_000

/** A connection whose client was judged in its handshake. */
export interface JudgedConnection {
  /** Whether who judged it still does. */
  isCurrent(): boolean
  /** Ends it in a way that a client takes for the end of an idle connection. */
  end: () => void
  /** Requests under way. */
  busy: number
}

/**
 * Ends connections between two requests once their clients would be judged by others, as when a revocation list was
 * replaced: most clients open another one then without a word, where an answer of 421 would be a failure.
 */
export class JudgedConnections {
  readonly #all = new Set<JudgedConnection>()
  #timer: NodeJS.Timeout | undefined

  add(connection: JudgedConnection): void {
    this.#all.add(connection)
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
  }

  delete(connection: JudgedConnection): void {
    this.#all.delete(connection)
    if (this.#all.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    for (const connection of this.#all) {
      if (connection.busy > 0 || connection.isCurrent()) continue
      this.delete(connection)
      connection.end()
    }
  }
}
