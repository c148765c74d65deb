import { createHash, randomUUID } from 'node:crypto'
import type { JoinedTransaction } from '../database/database.ts'
import { redactText } from '../log/redact.ts'
import type { NewEvent, StoredEvent } from './event.ts'
import { findOrigin, type Origin, runWithOrigin } from './origin.ts'
import type { EventsSchema } from './schema.ts'

/** Longest text in an event that visitors choose, in characters. */
const MAX_TEXT = 256
/** Tags of an event at most. */
const MAX_TAGS = 100
/** Longest JSON of what a change replaced, and of what it set, in characters: longer ones are kept as their hash. */
const MAX_CHANGE = 64 * 1024

/** Tables for `withTables()`, whose types accept no interface as it is. */
type Tables = { [T in keyof EventsSchema]: EventsSchema[T] }

/**
 * Records an event in the transaction of what it announces: both are kept, or neither. `now` is of the database's clock. It
 * gets its place in the audit log, and is announced, a moment after the commit.
 */
export async function recordEvent(tx: JoinedTransaction, event: NewEvent, now: number): Promise<void> {
  await tx
    .withTables<Tables>()
    .insertInto('event_outbox')
    .values({ at: now, body: JSON.stringify(toStored(event, now)) })
    .execute()
}

/** An event that is recorded some time after its act. */
export interface NotedEvent {
  readonly event: NewEvent
  readonly origin: Origin | undefined
}

/** Records events that were noted. */
export async function recordNoted(
  tx: JoinedTransaction,
  noted: readonly NotedEvent[],
  now: number,
): Promise<void> {
  for (const { event, origin } of noted) {
    const record = (): Promise<void> => recordEvent(tx, event, now)
    await (origin ? runWithOrigin(origin, record) : record())
  }
}

function toStored(event: NewEvent, now: number): StoredEvent {
  const { action, outcome = 'done', who, repository, tags, before, after, reason, target, ...rest } = event
  const origin = findOrigin()
  const by = who ?? origin?.who()
  return {
    id: randomUUID(),
    at: new Date(now).toISOString(),
    action,
    outcome,
    ...(by !== undefined && { who: clean(by) }),
    via: origin ? 'request' : who === undefined ? 'server' : 'command',
    ...(origin && {
      address: clean(origin.address),
      request: clean(origin.requestId),
      ...(origin.userAgent !== undefined && { agent: clean(origin.userAgent) }),
    }),
    ...(repository !== undefined && { repository }),
    ...rest,
    ...(target !== undefined && { target: clean(target) }),
    ...(tags && { tags: tags.slice(0, MAX_TAGS), ...(tags.length > MAX_TAGS && { count: tags.length }) }),
    ...(reason !== undefined && { reason: clean(reason) }),
    ...(before !== undefined && { before: bound(before) }),
    ...(after !== undefined && { after: bound(after) }),
  }
}

/** Visitors send tokens as names, in paths and as user agents, by mistake: no event has one. */
function clean(text: string): string {
  return redactText(text)
    .slice(0, MAX_TEXT)
    .replace(/\p{Cc}/gu, '?')
}

function bound(value: unknown): unknown {
  const text = JSON.stringify(value)
  if (text.length <= MAX_CHANGE) return value
  return { sha256: createHash('sha256').update(text).digest('hex'), characters: text.length }
}
