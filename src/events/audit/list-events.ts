import type { Database } from '../../database/database.ts'
import type { StoredEvent } from '../event.ts'
import type { EventsSchema } from '../schema.ts'

/** Selection of events; what is undefined selects all. */
export interface EventFilter {
  readonly who?: string | undefined
  /** An action, or the part before its dot. */
  readonly action?: string | undefined
  /** A repository, or all below a prefix that ends with `/**`. */
  readonly repository?: string | undefined
  readonly outcome?: string | undefined
  readonly since?: Date | undefined
  readonly until?: Date | undefined
  /** Only events after this position. */
  readonly after?: number | undefined
}

/** An event with its place. */
export interface ListedEvent {
  /** Undefined: it was recorded and has no place yet, as while no server runs. */
  readonly position: number | undefined
  readonly event: StoredEvent
}

/** The newest events that a filter selects, in their order, at most `limit`; with `after` the oldest ones. */
export async function listEvents(
  { read, readLong }: Pick<Database<EventsSchema>, 'read' | 'readLong'>,
  filter: EventFilter,
  limit: number,
): Promise<ListedEvent[]> {
  const isFollowing = filter.after !== undefined
  // The log first: an event that moves to it in between is listed once, by the row that was read.
  const rows = await selectSealed(isFollowing ? read : readLong, filter)
    .orderBy('position', isFollowing ? 'asc' : 'desc')
    .limit(limit)
    .execute()
  const sealed = rows.map(({ position, body }) => ({ position, event: JSON.parse(body) as StoredEvent }))
  if (isFollowing) return sealed
  const known = new Set(sealed.map(({ event }) => event.id))
  const waiting = await read.selectFrom('event_outbox').select('body').orderBy('id').limit(limit).execute()
  const unsealed = waiting
    .map(({ body }) => ({ position: undefined, event: JSON.parse(body) as StoredEvent }))
    .filter(({ event }) => !known.has(event.id) && isSelected(event, filter))
  return [...sealed.reverse(), ...unsealed].slice(-limit)
}

function selectSealed(db: Database<EventsSchema>['read'], filter: EventFilter) {
  const { who, action, repository, outcome, since, until, after } = filter
  let query = db.selectFrom('audit_log').select(['position', 'body'])
  if (who !== undefined) query = query.where('who', '=', who)
  if (outcome !== undefined) query = query.where('outcome', '=', outcome)
  if (since) query = query.where('at', '>=', since.getTime())
  if (until) query = query.where('at', '<', until.getTime())
  if (after !== undefined) query = query.where('position', '>', after)
  if (action?.includes('.')) query = query.where('action', '=', action)
  else if (action !== undefined)
    query = query.where((eb) =>
      eb.or([
        eb('action', '=', action),
        eb.and([eb('action', '>', `${action}.`), eb('action', '<', `${action}/`)]),
      ]),
    )
  const prefix = prefixOf(repository)
  if (prefix !== undefined)
    query = query.where('repository', '>', prefix).where('repository', '<', `${prefix.slice(0, -1)}0`)
  else if (repository !== undefined) query = query.where('repository', '=', repository)
  return query
}

/** `team/` of `team/**`. */
function prefixOf(repository: string | undefined): string | undefined {
  return repository?.endsWith('/**') ? repository.slice(0, -2) : undefined
}

function isSelected(event: StoredEvent, filter: EventFilter): boolean {
  const { who, action, repository, outcome, since, until } = filter
  const at = Date.parse(event.at)
  const prefix = prefixOf(repository)
  return (
    (who === undefined || event.who === who) &&
    (outcome === undefined || event.outcome === outcome) &&
    (action === undefined || event.action === action || event.action.startsWith(`${action}.`)) &&
    (repository === undefined ||
      (prefix === undefined
        ? event.repository === repository
        : event.repository?.startsWith(prefix) === true)) &&
    (since === undefined || at >= since.getTime()) &&
    (until === undefined || at < until.getTime())
  )
}
