import type { Socket } from 'node:net'

/** Time between two checks, in milliseconds: requests in between are answered with 421. */
const LOOK_EVERY_MS = 1_000

/** A connection whose client was checked in its handshake. */
export interface JudgedConnection {
  /** True if the CAs it was checked against are still current. */
  isCurrent(): boolean
  /** Ends it in a way that a client takes for the end of an idle connection. */
  end: () => void
  /** Requests under way. */
  busy: number
}

/**
 * Ends connections between two requests once their clients' CAs have changed, as when a revocation list was replaced:
 * most clients then silently open another one, while an answer of 421 would be a failure.
 */
export class JudgedConnections {
  readonly #all = new Set<JudgedConnection>()
  #timer: NodeJS.Timeout | undefined

  readonly #logFailure: (error: unknown) => void

  constructor(logFailure: (error: unknown) => void) {
    this.#logFailure = logFailure
  }

  /** Watches it until it closes. Errors of `isCurrent` are logged, and end it. */
  add(socket: Socket, isCurrent: () => boolean): JudgedConnection {
    const connection = { isCurrent, end: () => void socket.end(), busy: 0 }
    this.#all.add(connection)
    socket.once('close', () => this.delete(connection))
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
    return connection
  }

  delete(connection: JudgedConnection): void {
    this.#all.delete(connection)
    if (this.#all.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #isCurrent(connection: JudgedConnection): boolean {
    try {
      return connection.isCurrent()
    } catch (error) {
      this.#logFailure(error)
      return false
    }
  }

  #look(): void {
    for (const connection of this.#all) {
      if (connection.busy > 0 || this.#isCurrent(connection)) continue
      this.delete(connection)
      connection.end()
    }
  }
}
