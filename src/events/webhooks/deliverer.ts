import { randomUUID } from 'node:crypto'
import type { DeliveryQueue, DueChoice, DueDelivery } from './delivery-queue.ts'
import { type Attempt, type SendParts, sendEvent } from './send-event.ts'
import type { Endpoint } from './webhook.ts'
import { ownerOf, WebhookSlots } from './webhook-slots.ts'

/** Requests to all webhooks at once: eight receivers that hang leave no place for others until their time-out. */
const MAX_OF_ALL = 256
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
 * fails keeps back its own deliveries only, as far as {@link WebhookSlots} and {@link MAX_OF_ALL} reach.
 */
export class Deliverer {
  readonly #parts: DelivererParts
  readonly #holder = randomUUID()
  /** Repositories under way, by the id of the webhook. */
  readonly #slots = new Map<number, WebhookSlots>()
  readonly #underWay = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  /** Rounds of looking for due deliveries, one after the other; undefined: there is none now. */
  #rounds: Promise<void> | undefined
  #isRoundWanted = false
  #heldAt = Number.NEGATIVE_INFINITY

  constructor(parts: DelivererParts) {
    this.#parts = parts
  }

  /** Begins what is due, and does not wait for its end. Each delivery that ends makes place for the next one. */
  run(): Promise<void> {
    this.#isRoundWanted = true
    this.#rounds ??= this.#runRounds()
    return this.#rounds
  }

  /** Ends requests under way, which are made again later, and gives the turn to another process. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#rounds?.catch(this.#parts.onError)
    await Promise.all(this.#underWay)
    if (this.#slots.size > 0) await this.#parts.queue.endTurn(this.#holder)
  }

  async #runRounds(): Promise<void> {
    try {
      while (this.#isRoundWanted) {
        this.#isRoundWanted = false
        await this.#beginDue()
      }
    } finally {
      this.#rounds = undefined
    }
  }

  async #beginDue(): Promise<void> {
    const endpoints = await this.#parts.queue.listDue()
    if (endpoints.length === 0 || this.#stopping.signal.aborted) return
    if (!(await this.#holdTurn())) return
    const places = endpoints.map((endpoint) => {
      const slots = this.#slots.get(endpoint.id) ?? new WebhookSlots()
      this.#slots.set(endpoint.id, slots)
      return { endpoint, slots }
    })
    // Those with few requests first: the others may be hanging.
    places.sort((one, other) => one.slots.size - other.slots.size)
    for (const { endpoint, slots } of places) await this.#fill(endpoint, slots)
  }

  /** Fills the free slots of a webhook. If more is due than there are: see {@link listChoices}. */
  async #fill(endpoint: Endpoint, slots: WebhookSlots): Promise<void> {
    const free = this.#limit(slots.countFree())
    const all = await this.#list(endpoint, slots, { limit: free })
    if (all.length < free) {
      for (const due of all) this.#begin(endpoint, slots, due)
      return
    }
    for (const { choice, count } of listChoices(slots)) {
      const found = await this.#list(endpoint, slots, { ...choice(), limit: this.#limit(count()) })
      for (const [index, due] of found.entries()) {
        const hasOne = choice().notOf?.includes(ownerOf(due.repository)) ?? false
        if (!hasOne) this.#begin(endpoint, slots, due)
        // The next round finds those of further owners.
        else if (index > 0) this.#isRoundWanted = true
      }
    }
  }

  #limit(count: number): number {
    return Math.max(0, Math.min(count, MAX_OF_ALL - this.#underWay.size))
  }

  async #list(
    { id }: Endpoint,
    { repositories }: WebhookSlots,
    choice: DueChoice & { limit: number },
  ): Promise<DueDelivery[]> {
    if (choice.limit === 0) return []
    const found = await this.#parts.queue.listFirst(id, { ...choice, busy: repositories })
    return this.#stopping.signal.aborted ? [] : found
  }

  #begin(endpoint: Endpoint, slots: WebhookSlots, due: DueDelivery): void {
    slots.begin(due.repository)
    let isNoted = true
    const work: Promise<void> = this.#deliver(endpoint, slots, due)
      .catch((error: unknown) => {
        isNoted = false
        this.#parts.onError(error)
      })
      .finally(() => {
        slots.end(due.repository)
        this.#underWay.delete(work)
        // A delivery that was not noted is due until the next call, so that a full disk leads to no stream of requests.
        if (isNoted) this.#fillAgain()
      })
    this.#underWay.add(work)
  }

  #fillAgain(): void {
    this.#isRoundWanted = true
    if (!this.#rounds && !this.#stopping.signal.aborted) this.run().catch(this.#parts.onError)
  }

  /** False: another process delivers. */
  async #holdTurn(): Promise<boolean> {
    const now = performance.now()
    if (now - this.#heldAt < HOLD_AGAIN_MS) return true
    const isHeld = await this.#parts.queue.takeTurn(this.#holder)
    this.#heldAt = isHeld ? now : Number.NEGATIVE_INFINITY
    return isHeld
  }

  async #deliver(endpoint: Endpoint, slots: WebhookSlots, first: DueDelivery): Promise<void> {
    const { queue, onAttempt } = this.#parts
    const { signal } = this.#stopping
    let due: DueDelivery | undefined = first
    for (let count = 0; due && count < MAX_IN_ROW; count++) {
      slots.begin(due.repository)
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

/** One selection of deliveries for free slots, computed anew after each one that began. */
interface Choice {
  readonly choice: () => DueChoice
  /** Slots for it. */
  readonly count: () => number
}

/**
 * The order in which deliveries of a webhook get a slot: one of each owner without a request under way, what was never
 * tried, and last repetitions. Among these and among those, what waits longest comes first.
 */
function listChoices(slots: WebhookSlots): readonly Choice[] {
  const ofOthers = () => slots.countFreeForOthers()
  const ofAny = () => slots.countFree()
  return [
    { choice: () => ({ isNew: true, notOf: slots.owners }), count: ofOthers },
    { choice: () => ({ notOf: slots.owners }), count: ofOthers },
    { choice: () => ({ isNew: true }), count: ofAny },
    { choice: () => ({}), count: ofAny },
  ]
}
