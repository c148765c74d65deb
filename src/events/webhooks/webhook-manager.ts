import type { Database } from '../../database/database.ts'
import { recordEvent } from '../record-event.ts'
import type { EventsSchema } from '../schema.ts'
import type { Endpoint, NewWebhook, ShownWebhook } from './webhook.ts'
import { toEndpoint, toRow } from './webhook-rows.ts'

/** A delivery as lists show it. */
interface ShownDelivery {
  readonly id: number
  readonly webhook: string
  readonly position: number
  readonly repository: string
  readonly state: string
  readonly attempts: number
  readonly changedAt: Date
  /** Time of the next attempt; undefined: there is none. */
  readonly dueAt: Date | undefined
  readonly status: number | undefined
  readonly reason: string | undefined
}

/** Selection of deliveries; what is undefined selects all. */
interface DeliverySelection {
  readonly webhook?: string | undefined
  readonly state?: string | undefined
  readonly id?: number | undefined
}

/** Manages webhooks, for commands. */
export interface WebhookManager {
  /** False: there is one of this name. */
  add(webhook: NewWebhook, by: string): Promise<boolean>
  list(): Promise<ShownWebhook[]>
  /** With its key; undefined if there is none. */
  find(name: string): Promise<Endpoint | undefined>
  /** Removes one with its deliveries; false if there is none, 'settings' if the file of settings has it. */
  remove(name: string, by: string): Promise<boolean | 'settings'>
  /** The newest deliveries, at most `limit`. */
  listDeliveries(selection: DeliverySelection, limit: number): Promise<ShownDelivery[]>
  /** Lets dead and waiting deliveries be sent at the next turn, with all attempts anew. @returns their number. */
  redeliver(selection: DeliverySelection, by: string): Promise<number>
}

/** {@link WebhookManager} over the database. */
export function createWebhookManager(database: Database<EventsSchema>): WebhookManager {
  const { read, transaction } = database
  return {
    add: (webhook, by) =>
      transaction(async (tx) => {
        const now = database.now()
        const { name } = webhook
        const present = await tx
          .selectFrom('webhooks')
          .select('id')
          .where('name', '=', name)
          .executeTakeFirst()
        if (present) return false
        await tx
          .insertInto('webhooks')
          .values({ ...toRow(webhook), source: 'command', is_paused: 0, created_at: now })
          .execute()
        await recordEvent(tx, { action: 'webhook.add', who: by, target: name, after: describe(webhook) }, now)
        return true
      }),
    list: () => listWebhooks(database),
    async find(name) {
      const row = await read.selectFrom('webhooks').selectAll().where('name', '=', name).executeTakeFirst()
      return row && toEndpoint(row)
    },
    remove: (name, by) =>
      transaction(async (tx) => {
        const row = await tx.selectFrom('webhooks').selectAll().where('name', '=', name).executeTakeFirst()
        if (!row) return false
        if (row.source === 'settings') return 'settings'
        await tx.deleteFrom('webhook_deliveries').where('webhook_id', '=', row.id).execute()
        await tx.deleteFrom('webhooks').where('id', '=', row.id).execute()
        const before = describe(toEndpoint(row))
        await recordEvent(tx, { action: 'webhook.remove', who: by, target: name, before }, database.now())
        return true
      }),
    listDeliveries: (selection, limit) => listDeliveries(database, selection, limit),
    redeliver: (selection, by) => redeliver(database, selection, by),
  }
}

/** A webhook without what may hold a log-in. */
function describe({ url, format, repositories, actions, secret, headers }: NewWebhook) {
  const origin = URL.parse(url)?.origin ?? ''
  return {
    origin,
    format,
    repositories,
    actions,
    isSigned: secret !== undefined,
    headers: Object.keys(headers),
  }
}

async function listWebhooks({ read }: Database<EventsSchema>): Promise<ShownWebhook[]> {
  const rows = await read.selectFrom('webhooks').selectAll().orderBy('name').execute()
  const counts = await read
    .selectFrom('webhook_deliveries')
    .select((eb) => ['webhook_id', 'state', eb.fn.countAll().as('count')])
    .where('state', 'in', ['waiting', 'dead'])
    .groupBy(['webhook_id', 'state'])
    .execute()
  const countOf = (id: number, state: string): number =>
    Number(counts.find((row) => row.webhook_id === id && row.state === state)?.count ?? 0)
  return rows.map((row) => ({
    name: row.name,
    ...describe(toEndpoint(row)),
    source: row.source,
    waiting: countOf(row.id, 'waiting'),
    dead: countOf(row.id, 'dead'),
  }))
}

async function listDeliveries(
  { read }: Database<EventsSchema>,
  { webhook, state, id }: DeliverySelection,
  limit: number,
): Promise<ShownDelivery[]> {
  let query = read
    .selectFrom('webhook_deliveries')
    .innerJoin('webhooks', 'webhooks.id', 'webhook_deliveries.webhook_id')
    .select(['webhook_deliveries.id', 'webhooks.name', 'position', 'repository', 'state', 'attempts'])
    .select(['changed_at', 'due_at', 'status', 'reason'])
  if (webhook !== undefined) query = query.where('webhooks.name', '=', webhook)
  if (state !== undefined) query = query.where('state', '=', state)
  if (id !== undefined) query = query.where('webhook_deliveries.id', '=', id)
  const rows = await query.orderBy('webhook_deliveries.id', 'desc').limit(limit).execute()
  return rows.reverse().map((row) => ({
    id: row.id,
    webhook: row.name,
    position: row.position,
    repository: row.repository,
    state: row.state,
    attempts: row.attempts,
    changedAt: new Date(row.changed_at),
    dueAt: row.state === 'waiting' ? new Date(row.due_at) : undefined,
    status: row.status ?? undefined,
    reason: row.reason ?? undefined,
  }))
}

async function redeliver(
  database: Database<EventsSchema>,
  { webhook, id }: DeliverySelection,
  by: string,
): Promise<number> {
  return database.transaction(async (tx) => {
    const now = database.now()
    let query = tx
      .updateTable('webhook_deliveries')
      .set({ state: 'waiting', attempts: 0, due_at: now, changed_at: now, reason: null })
    if (id === undefined) query = query.where('state', 'in', ['dead', 'waiting'])
    else query = query.where('id', '=', id)
    if (webhook !== undefined)
      query = query.where('webhook_id', 'in', (eb) =>
        eb.selectFrom('webhooks').select('id').where('name', '=', webhook),
      )
    const { numUpdatedRows } = await query.executeTakeFirst()
    const count = Number(numUpdatedRows)
    if (count > 0)
      await recordEvent(tx, { action: 'webhook.redeliver', who: by, target: webhook, count }, now)
    return count
  })
}

/** Puts the webhooks of a file of settings in the place of those of earlier starts. Names that a command made are left alone, and returned. */
export async function syncWebhooks(
  database: Database<EventsSchema>,
  webhooks: readonly NewWebhook[],
): Promise<string[]> {
  const present = await database.read.selectFrom('webhooks').select(['name', 'source']).execute()
  if (webhooks.length === 0 && !present.some(({ source }) => source === 'settings')) return []
  return database.transaction(async (tx) => {
    const rows = await tx.selectFrom('webhooks').select(['id', 'name', 'source']).execute()
    const names = new Set(webhooks.map(({ name }) => name))
    const gone = rows
      .filter(({ name, source }) => source === 'settings' && !names.has(name))
      .map(({ id }) => id)
    if (gone.length > 0) {
      await tx.deleteFrom('webhook_deliveries').where('webhook_id', 'in', gone).execute()
      await tx.deleteFrom('webhooks').where('id', 'in', gone).execute()
    }
    const taken: string[] = []
    for (const webhook of webhooks) {
      const row = rows.find(({ name }) => name === webhook.name)
      if (row?.source === 'command') taken.push(webhook.name)
      else if (row) await tx.updateTable('webhooks').set(toRow(webhook)).where('id', '=', row.id).execute()
      else
        await tx
          .insertInto('webhooks')
          .values({ ...toRow(webhook), source: 'settings', is_paused: 0, created_at: database.now() })
          .execute()
    }
    return taken
  })
}
