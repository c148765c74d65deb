import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RetentionFacts } from '../../metadata/retention-facts.ts'
import { HOLD_MS } from './retention-terms.ts'

/** Time after which the turn is held for longer, in milliseconds. */
const HOLD_AGAIN_MS = HOLD_MS / 4

/** The turn of this process to run retention. */
export class TurnHolder {
  readonly #facts: Pick<RetentionFacts, 'takeTurn' | 'holdTurn' | 'endTurn'>
  readonly #name = `${hostname()}-${randomUUID()}`
  #heldAt = 0

  constructor(facts: Pick<RetentionFacts, 'takeTurn' | 'holdTurn' | 'endTurn'>) {
    this.#facts = facts
  }

  /** As {@link RetentionFacts.takeTurn}. */
  async take(everyMs: number, { isPartial = false } = {}): Promise<'taken' | 'busy' | 'early'> {
    this.#heldAt = performance.now()
    return this.#facts.takeTurn({ holder: this.#name, holdMs: HOLD_MS, everyMs, isPartial })
  }

  /** Holds it for longer, now and then. False: another process has it. */
  async keep(): Promise<boolean> {
    if (performance.now() - this.#heldAt < HOLD_AGAIN_MS) return true
    this.#heldAt = performance.now()
    return this.#facts.holdTurn(this.#name, HOLD_MS)
  }

  /** Waits, and holds it meanwhile: one repository may take long. */
  async rest(ms: number): Promise<void> {
    await this.keep()
    await sleep(ms)
  }

  async end(): Promise<void> {
    await this.#facts.endTurn(this.#name)
  }
}
