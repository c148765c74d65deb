import type { Database } from '../../database/database.ts'
import type { StoredEvent } from '../event.ts'
import type { EventsSchema } from '../schema.ts'
import type { Attempt } from './send-event.ts'
import type { Endpoint } from './webhook.ts'
import { toEndpoint } from './webhook-rows.ts'

/** Waits before the attempts after the first, in milliseconds; the last one is repeated. */
const WAITS_MS = [5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000] as const
/** Attempts after which a delivery is dead: the last one comes after more than a day. */
export const MAX_ATTEMPTS = 30
/** Time for which the turn to deliver is held without renewal, in milliseconds: longer than any request. */
const HOLD_MS = 60_000
/** Time for which delivered ones are listed, and dead ones kept, in milliseconds. */
const KEEP_DELIVERED_MS = 24 * 3_600_000
const KEEP_DEAD_MS = 30 * 24 * 3_600_000

/** A delivery that is due. */
export interface DueDelivery {
  readonly id: number
  readonly repository: string
  readonly attempts: number
  readonly event: StoredEvent
}

/** Selection among the deliveries that are due; what is left out selects all. */
export interface DueChoice {
  /** True: only those that were never tried. */
  readonly isNew?: boolean
  /** Leaves out repositories of these owners, which are the first parts of their names. */
  readonly notOf?: readonly string[]
}

/** The deliveries of all webhooks. */
export class DeliveryQueue {
  readonly #database: Database<EventsSchema>

  constructor(database: Database<EventsSchema>) {
    this.#database = database
  }

  /** Webhooks that have a delivery which is due. */
  async listDue(): Promise<Endpoint[]> {
    const rows = await this.#database.read
      .selectFrom('webhooks')
      .selectAll()
      .where('is_paused', '=', 0)
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('webhook_deliveries')
            .select('webhook_deliveries.id')
            .whereRef('webhook_id', '=', 'webhooks.id')
            .where('state', '=', 'waiting')
            .where('due_at', '<=', this.#database.now()),
        ),
      )
      .execute()
    return rows.map(toEndpoint)
  }

  /** The first delivery of each repository, if it is due, chosen and its repository is not among `busy`, at most `limit`. */
  async listFirst(
    id: number,
    { busy, limit, isNew = false, notOf = [] }: DueChoice & { busy: readonly string[]; limit: number },
  ): Promise<DueDelivery[]> {
    // The first of each, by one pass over the index: to look for an earlier one for each row takes seconds on PostgreSQL.
    let first = this.#database.read
      .selectFrom('webhook_deliveries')
      .select(({ fn }) => fn.min('id').as('id'))
      .where('webhook_id', '=', id)
      .where('state', '=', 'waiting')
      .groupBy('repository')
    if (busy.length > 0) first = first.where('repository', 'not in', busy)
    // An underscore in a name fits any character: at worst an owner with a similar name comes later.
    for (const owner of notOf)
      first = first.where('repository', '!=', owner).where('repository', 'not like', `${owner}/%`)
    let query = this.#database.read
      .selectFrom('webhook_deliveries')
      .select(['id', 'repository', 'attempts', 'body'])
      .where('id', 'in', first)
      .where('due_at', '<=', this.#database.now())
    if (isNew) query = query.where('attempts', '=', 0)
    const rows = await query.orderBy('id').limit(limit).execute()
    return rows.map(({ body, ...row }) => ({ ...row, event: JSON.parse(body) as StoredEvent }))
  }

  /** The first waiting delivery of a repository, if it is due. */
  async findNext(id: number, repository: string): Promise<DueDelivery | undefined> {
    const row = await this.#database.read
      .selectFrom('webhook_deliveries')
      .select(['id', 'repository', 'attempts', 'body', 'due_at'])
      .where('webhook_id', '=', id)
      .where('state', '=', 'waiting')
      .where('repository', '=', repository)
      .orderBy('id')
      .limit(1)
      .executeTakeFirst()
    if (!row || row.due_at > this.#database.now()) return undefined
    const { body, due_at: _, ...due } = row
    return { ...due, event: JSON.parse(body) as StoredEvent }
  }

  /** Takes or keeps the turn to deliver, which one process of all has. False: another one has it. */
  takeTurn(holder: string): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const now = this.#database.now()
      const row = { name: 'deliver', holder, held_until: now + HOLD_MS }
      const present = await tx
        .selectFrom('event_turns')
        .select(['holder', 'held_until'])
        .where('name', '=', row.name)
        .executeTakeFirst()
      if (present && present.holder !== holder && present.held_until > now) return false
      await tx
        .insertInto('event_turns')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
        .execute()
      return true
    })
  }

  async endTurn(holder: string): Promise<void> {
    await this.#database.transaction((tx) =>
      tx.deleteFrom('event_turns').where('name', '=', 'deliver').where('holder', '=', holder).execute(),
    )
  }

  /** Ends the turn of a process that was killed, where no other can be there: a SQLite database has one server. */
  async endLostTurn(): Promise<void> {
    if (this.#database.engine !== 'sqlite') return
    const lost = await this.#database.read.selectFrom('event_turns').select('holder').executeTakeFirst()
    if (lost) await this.endTurn(lost.holder)
  }

  /** Notes the result of an attempt. @returns true if the delivery is dead now. */
  async note({ id, attempts }: DueDelivery, { isDelivered, status, reason }: Attempt): Promise<boolean> {
    const isDead = !isDelivered && attempts + 1 >= MAX_ATTEMPTS
    const now = this.#database.now()
    const wait = WAITS_MS[Math.min(attempts, WAITS_MS.length - 1)] ?? 0
    await this.#database.transaction((tx) =>
      tx
        .updateTable('webhook_deliveries')
        .set({
          state: isDelivered ? 'delivered' : isDead ? 'dead' : 'waiting',
          attempts: attempts + 1,
          due_at: now + wait,
          changed_at: now,
          status: status ?? null,
          reason: reason ?? null,
        })
        .where('id', '=', id)
        .execute(),
    )
    return isDead
  }

  /** Forgets deliveries that ended long ago. */
  async forget(): Promise<void> {
    const now = this.#database.now()
    await this.#database.transaction((tx) =>
      tx
        .deleteFrom('webhook_deliveries')
        .where((eb) =>
          eb.or([
            eb.and([eb('state', '=', 'delivered'), eb('changed_at', '<', now - KEEP_DELIVERED_MS)]),
            eb.and([eb('state', '=', 'dead'), eb('changed_at', '<', now - KEEP_DEAD_MS)]),
          ]),
        )
        .execute(),
    )
  }
}
