import type { Transaction } from 'kysely'
import { WEBHOOK_ACTIONS } from '../../config/webhook.ts'
import { matchesRepository } from '../../policies/patterns/repository-pattern.ts'
import type { StoredEvent } from '../event.ts'
import type { EventsSchema } from '../schema.ts'
import type { Endpoint } from './webhook.ts'
import { toEndpoint } from './webhook-rows.ts'

/** Deliveries that wait for one webhook; what comes beyond is dead at once, so that an endpoint that is gone fills no disk. */
export const MAX_WAITING = 10_000
/** Rows in one insert. */
const BATCH = 500

/** An event at its place in the audit log. */
interface Announced {
  readonly position: number
  readonly at: number
  readonly body: string
}

/** Queues the deliveries of events, in the transaction that gives them their place. */
export async function queueDeliveries(
  tx: Transaction<EventsSchema>,
  events: readonly Announced[],
): Promise<void> {
  const endpoints = (await tx.selectFrom('webhooks').selectAll().where('is_paused', '=', 0).execute()).map(
    toEndpoint,
  )
  for (const endpoint of endpoints) {
    const bodies = events.flatMap(({ position, at, body }) =>
      splitFor(endpoint, JSON.parse(body) as StoredEvent).map((event) => ({ position, at, event })),
    )
    if (bodies.length === 0) continue
    let room = MAX_WAITING - (await countWaiting(tx, endpoint.id))
    const rows = bodies.map(({ position, at, event }) => ({
      webhook_id: endpoint.id,
      position,
      repository: event.repository ?? '',
      state: room-- > 0 ? 'waiting' : 'dead',
      attempts: 0,
      due_at: at,
      changed_at: at,
      reason: room < 0 ? 'too many deliveries wait' : null,
      body: JSON.stringify(event),
    }))
    for (let first = 0; first < rows.length; first += BATCH)
      await tx
        .insertInto('webhook_deliveries')
        .values(rows.slice(first, first + BATCH))
        .execute()
  }
}

async function countWaiting(tx: Transaction<EventsSchema>, id: number): Promise<number> {
  const { count } = await tx
    .selectFrom('webhook_deliveries')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('webhook_id', '=', id)
    .where('state', '=', 'waiting')
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** The events that an endpoint gets of one: none, itself, or for Docker Hub's form, which has one tag, one for each tag. */
function splitFor(endpoint: Endpoint, event: StoredEvent): StoredEvent[] {
  if (!isSelected(endpoint, event)) return []
  if (endpoint.format !== 'docker-hub') return [event]
  if (event.action !== 'manifest.push') return []
  return (event.tags ?? []).map((tag) => ({ ...event, tags: [tag] }))
}

function isSelected({ repositories, actions, ignoredMediaTypes }: Endpoint, event: StoredEvent): boolean {
  const { action, repository, mediaType } = event
  if (repository === undefined || !WEBHOOK_ACTIONS.includes(action)) return false
  if (actions.length > 0 && !actions.includes(action)) return false
  if (mediaType !== undefined && ignoredMediaTypes?.includes(mediaType)) return false
  return repositories.some((pattern) => matchesRepository(pattern, repository))
}
