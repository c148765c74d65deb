import { randomUUID } from 'node:crypto'
import type { DeliveryQueue, DueDelivery } from './delivery-queue.ts'
import { type Attempt, type SendParts, sendEvent } from './send-event.ts'
import type { Endpoint } from './webhook.ts'

/** Requests to one webhook at once, each of another repository. */
const MAX_OF_ONE = 4
/** Requests to all webhooks at once. */
const MAX_OF_ALL = 32
/** Deliveries of one repository one after the other, before others get their turn. */
const MAX_IN_ROW = 100
/** Time after which the turn is held for longer, in milliseconds: a quarter of its hold. */
const HOLD_AGAIN_MS = 15_000

/** Dependencies of a deliverer. */
interface DelivererParts extends SendParts {
  readonly queue: DeliveryQueue
  /** Called with each attempt. */
  readonly onAttempt: (endpoint: Endpoint, attempt: Attempt & { readonly isDead: boolean }) => void
  readonly onError: (error: unknown) => void
}

/**
 * Sends what webhooks wait for: at least once each, and in order for each webhook and repository. A webhook that is slow or
 * fails keeps back its own deliveries, at most {@link MAX_OF_ONE} requests of all.
 */
export class Deliverer {
  readonly #parts: DelivererParts
  readonly #holder = randomUUID()
  /** Repositories under way, by the id of the webhook. */
  readonly #busy = new Map<number, Set<string>>()
  readonly #underWay = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  #heldAt = Number.NEGATIVE_INFINITY

  constructor(parts: DelivererParts) {
    this.#parts = parts
  }

  /** Begins what is due, and does not wait for its end. */
  async run(): Promise<void> {
    const { queue } = this.#parts
    const endpoints = await queue.listDue()
    if (endpoints.length === 0 || this.#stopping.signal.aborted) return
    if (!(await this.#holdTurn())) return
    for (const endpoint of endpoints) {
      const busy = this.#busy.get(endpoint.id) ?? new Set<string>()
      this.#busy.set(endpoint.id, busy)
      const limit = Math.min(MAX_OF_ONE - busy.size, MAX_OF_ALL - this.#underWay.size)
      if (limit <= 0) continue
      for (const due of await queue.listFirst(endpoint.id, { busy: [...busy], limit })) {
        busy.add(due.repository)
        const work: Promise<void> = this.#deliver(endpoint, due)
          .catch(this.#parts.onError)
          .finally(() => {
            busy.delete(due.repository)
            this.#underWay.delete(work)
          })
        this.#underWay.add(work)
      }
    }
  }

  /** Ends requests under way, which are made again later, and gives the turn to another process. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#underWay)
    if (this.#busy.size > 0) await this.#parts.queue.endTurn(this.#holder)
  }

  /** False: another process delivers. */
  async #holdTurn(): Promise<boolean> {
    const now = performance.now()
    if (now - this.#heldAt < HOLD_AGAIN_MS) return true
    const isHeld = await this.#parts.queue.takeTurn(this.#holder)
    this.#heldAt = isHeld ? now : Number.NEGATIVE_INFINITY
    return isHeld
  }

  async #deliver(endpoint: Endpoint, first: DueDelivery): Promise<void> {
    const { queue, onAttempt } = this.#parts
    const { signal } = this.#stopping
    let due: DueDelivery | undefined = first
    for (let count = 0; due && count < MAX_IN_ROW; count++) {
      const attempt = await sendEvent(this.#parts, endpoint, { event: due.event, signal })
      // A request that the stop has ended is no failure of the webhook.
      if (signal.aborted && !attempt.isDelivered) return
      const isDead = await queue.note(due, attempt)
      onAttempt(endpoint, { ...attempt, isDead })
      if (!attempt.isDelivered || signal.aborted || !(await this.#holdTurn())) return
      due = await queue.findNext(endpoint.id, due.repository)
    }
  }
}
