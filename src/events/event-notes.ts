import type { NewEvent } from './event.ts'
import { findOrigin, type Origin } from './origin.ts'
import type { NotedEvent } from './record-event.ts'

/** Different refused acts that wait to be recorded; more are counted together: wrong passwords in any number fill no disk. */
const MAX_REFUSED = 20
/** Other acts that wait; more are counted together. */
const MAX_DONE = 2_000
/** Time for which a right log-in of an account from one address is not recorded again, in milliseconds: clients log in with each pull. */
const KNOWN_MS = 3_600_000
/** Pairs of account and address that are remembered for that. */
const MAX_KNOWN = 10_000
/** Characters of a text in the key of an act. */
const MAX_NAME = 256

/** A checked log-in. */
interface LogIn {
  readonly name: string
  readonly address: string | undefined
  readonly result: 'accepted' | 'wrong' | 'refused'
}

interface Waiting extends NotedEvent {
  count: number
}

/** Event for acts beyond a bound. */
const OTHERS = { action: 'log-in', reason: 'further acts, not recorded one by one' } as const

/** Results of log-ins as reasons. */
const REASONS = {
  accepted: undefined,
  wrong: 'wrong name or password',
  refused: 'too many attempts',
} as const

/**
 * Events of acts that change nothing, such as log-ins, of which there may be very many. They are recorded a moment later, as few
 * events: equal ones are one event with their number, and what exceeds a bound between two writes is one event for all.
 */
export class EventNotes {
  readonly #waiting = { done: new Map<string, Waiting>(), refused: new Map<string, Waiting>() }
  readonly #others = { done: 0, refused: 0 }
  readonly #known = new Map<string, number>()

  /** Neither waits nor fails. */
  readonly noteLogIn = ({ name, address, result }: LogIn): void => {
    const who = name.slice(0, MAX_NAME)
    const key = `${result} ${address ?? ''} ${who}`
    if (result === 'accepted' && this.#isKnown(key)) return
    const outcome = result === 'accepted' ? 'done' : 'refused'
    this.note(key, { action: 'log-in', outcome, who, reason: REASONS[result] }, findOrigin())
  }

  /** Notes an act; those of equal keys are one event. Neither waits nor fails. */
  note(key: string, event: NewEvent, origin: Origin | undefined): void {
    const kind = event.outcome ?? 'done'
    const all = this.#waiting[kind]
    const waiting = all.get(key)
    if (waiting) waiting.count++
    else if (all.size < (kind === 'done' ? MAX_DONE : MAX_REFUSED)) all.set(key, { event, origin, count: 1 })
    else this.#others[kind]++
  }

  /** All that wait, which no longer do. */
  take(): NotedEvent[] {
    const noted: NotedEvent[] = []
    for (const kind of ['done', 'refused'] as const) {
      for (const { event, origin, count } of this.#waiting[kind].values())
        noted.push({ event: count > 1 ? { ...event, count } : event, origin })
      this.#waiting[kind].clear()
      const count = this.#others[kind]
      this.#others[kind] = 0
      if (count > 0) noted.push({ event: { ...OTHERS, outcome: kind, count }, origin: undefined })
    }
    return noted
  }

  #isKnown(key: string): boolean {
    const now = performance.now()
    const at = this.#known.get(key)
    if (at !== undefined && at > now - KNOWN_MS) return true
    const oldest = this.#known.size >= MAX_KNOWN ? this.#known.keys().next().value : undefined
    if (oldest !== undefined) this.#known.delete(oldest)
    this.#known.delete(key)
    this.#known.set(key, now)
    return false
  }
}
