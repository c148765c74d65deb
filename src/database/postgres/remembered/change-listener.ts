import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { clientConfig, type PostgresTarget } from '../connection/postgres-target.ts'
import type { RememberedRows } from './remembered-rows.ts'

/** Pause between two signs that the connection still works, in ms; well below `MAX_UNCONFIRMED_MS`. */
const BEAT_MS = 250
/** Longest wait for such a sign, and for the node's own notification, in ms: after it the connection is given up. */
const ANSWER_TIMEOUT_MS = 3_000
/** Pause before the first attempt to listen again, in ms; it doubles up to the second. */
const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 15_000
/** Longest wait for the end of a working connection, in ms: after it the connection is cut. */
const END_TIMEOUT_MS = 250
/** All nodes of one database listen to this. */
const CHANNEL = 'berth_changes'
/** Names the connection in the server's list of its activity. */
export const LISTENER_NAME = 'berth listener'

/** Reasons why a node gets no notifications of changes. */
export type ListenProblem =
  /** The connection was lost, or cannot be made. */
  | 'cut-off'
  /** A pooler passes the connection on, and its `listen` with it. */
  | 'pooler'
  /** A notification sent over a connection of the pool did not arrive: they lead to different servers. */
  | 'other-server'

/** Dependencies of the listener. */
interface ChangeListenerParts {
  readonly target: PostgresTarget
  readonly rows: RememberedRows
  /** Name of this opened database among all: 16 hexadecimal digits. */
  readonly sender: string
  /** Runs one statement on a connection of the pool. */
  readonly run: (statement: string) => Promise<unknown>
  /** Called when the node begins to get notifications, or no longer does. */
  readonly onListening: (problem: ListenProblem | undefined, cause?: unknown) => void
  /** Milliseconds that only grow. */
  readonly now: () => number
}

/** The statement that makes all other nodes forget their remembered rows, once its transaction is committed. */
export function notifyStatement(sender: string): string {
  return `notify ${CHANNEL}, '${sender}'`
}

/**
 * Gets notifications from the server, on a connection of its own, that another node has changed something; the rows are
 * forgotten then. This node's own changes are handled elsewhere, before their caller goes on.
 *
 * A dead connection is silent, too. So it has to answer a query from time to time, as long as rows are read: an answer
 * comes after all notifications of changes committed before the query.
 */
export class ChangeListener {
  readonly #parts: ChangeListenerParts
  readonly #closing = new AbortController()
  readonly #closed = Promise.withResolvers<void>()
  #listening: Promise<void> | undefined
  /** Undefined without a working connection. */
  #client: pg.Client | undefined
  /** Ends the wait for the loss of the connection. */
  #stopWaiting: () => void = () => {}
  #lastBeat = 0
  #isBeating = false
  #problem: ListenProblem | 'unknown' | undefined = 'unknown'

  constructor(parts: ChangeListenerParts) {
    this.#parts = parts
  }

  /** Called before remembered rows are used: begins to listen, and checks that the connection still works. */
  keepListening(): void {
    if (this.#parts.target.listen === 'off') return
    this.#listening ??= this.#listen()
    const now = this.#parts.now()
    if (this.#client && !this.#isBeating && now - this.#lastBeat >= BEAT_MS)
      void this.#beat(this.#client, now)
  }

  /** Ends the connection, and an attempt to make one at once. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#closed.resolve()
    this.#stopWaiting()
    await this.#listening
  }

  /** Connects again and again until it is closed. */
  async #listen(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS
    while (!this.#closing.signal.aborted) {
      try {
        await this.#listenOnce(() => {
          pauseMs = FIRST_PAUSE_MS
        })
        this.#report('cut-off')
      } catch (error) {
        this.#report(error instanceof ListenFailed ? error.reason : 'cut-off', error)
      }
      await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: this.#closing.signal }).catch(
        () => {},
      )
      pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)
    }
  }

  /** Until the connection is lost. Errors: as `#begin()`. */
  async #listenOnce(onBegun: () => void): Promise<void> {
    const config = clientConfig(this.#parts.target, this.#place())
    const socket = new Socket()
    const client = new pg.Client({
      ...config,
      stream: () => socket,
      application_name: LISTENER_NAME,
      query_timeout: ANSWER_TIMEOUT_MS,
    })
    const lost = this.#awaitLoss(client)
    const begun = this.#begin(client)
    // It may fail after the race.
    begun.catch(() => {})
    try {
      await Promise.race([begun, this.#closed.promise])
      if (this.#closing.signal.aborted) return
      onBegun()
      await lost
    } finally {
      const endTimeoutMs = this.#client === client ? END_TIMEOUT_MS : 0
      this.#client = undefined
      // Later changes are not notified.
      this.#parts.rows.forget()
      await end(client, socket, endTimeoutMs)
    }
  }

  #place(): { host: string; port: number } {
    const { target } = this.#parts
    return typeof target.listen === 'object' ? target.listen : target
  }

  /** Errors: `ListenFailed`, and those of the driver. */
  async #begin(client: pg.Client): Promise<void> {
    const { target, rows, sender, run, now } = this.#parts
    await client.connect()
    if (target.listen === undefined && (await isPooled(client))) throw new ListenFailed('pooler')
    const own = `${CHANNEL}_${sender}`
    await client.query(`listen ${CHANNEL}; listen ${own}`)
    const sentAt = now()
    await Promise.all([awaitNotification(client, own), run(`notify ${own}`)])
    if (this.#closing.signal.aborted) return
    client.on('notification', ({ payload }) => {
      if (payload !== sender) rows.forget()
    })
    // Changes while there was no connection.
    rows.forget()
    rows.confirm(sentAt)
    this.#lastBeat = sentAt
    this.#client = client
    this.#report(undefined)
  }

  async #beat(client: pg.Client, now: number): Promise<void> {
    this.#isBeating = true
    this.#lastBeat = now
    try {
      await client.query('select 1')
      if (this.#client === client) this.#parts.rows.confirm(now)
    } catch {
      await client.end().catch(() => {})
    } finally {
      this.#isBeating = false
    }
  }

  /** Settles once the connection is lost or no longer wanted. */
  #awaitLoss(client: pg.Client): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#stopWaiting = resolve
    client.on('error', () => resolve())
    client.on('end', () => resolve())
    return promise
  }

  #report(problem: ListenProblem | undefined, cause?: unknown): void {
    if (this.#closing.signal.aborted || problem === this.#problem) return
    this.#problem = problem
    this.#parts.onListening(problem, cause)
  }
}

class ListenFailed extends Error {
  readonly reason: ListenProblem

  constructor(reason: ListenProblem) {
    super(`no notifications of changes: ${reason}`)
    this.reason = reason
  }
}

/** Ends a connection; cuts it if that takes longer, as with a server that does not answer. */
async function end(client: pg.Client, socket: Socket, timeoutMs: number): Promise<void> {
  // The error ends the driver's attempt to connect, which otherwise would never end.
  const cut = (): void => void socket.destroy(new Error('closed'))
  if (timeoutMs === 0) cut()
  const timer = setTimeout(cut, timeoutMs)
  await client.end().catch(() => {})
  clearTimeout(timer)
}

/** Errors: `ListenFailed` if it does not arrive in time, or the connection is lost. */
async function awaitNotification(client: pg.Client, channel: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onNotification = (message: pg.Notification): void => {
    if (message.channel === channel) resolve()
  }
  const onEnd = (): void => reject(new ListenFailed('cut-off'))
  const timer = setTimeout(() => reject(new ListenFailed('other-server')), ANSWER_TIMEOUT_MS)
  client.on('notification', onNotification)
  client.on('end', onEnd)
  try {
    await promise
  } finally {
    clearTimeout(timer)
    client.off('notification', onNotification)
    client.off('end', onEnd)
  }
}

/** True if a pooler between gives each client a process number of its own. */
async function isPooled(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query('select pg_backend_pid() as pid')
  return !('processID' in client) || rows[0].pid !== client.processID
}
