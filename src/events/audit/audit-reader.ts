import type { Database } from '../../database/database.ts'
import type { EventsSchema } from '../schema.ts'
import { type EventFilter, type ListedEvent, listEvents } from './list-events.ts'
import { readHead } from './seal-events.ts'
import { type VerifiedLog, verifyLog } from './verify-log.ts'

/** The audit log for those who read it. Changes nothing. */
export interface AuditReader {
  /** The newest events that a filter selects, in their order, at most `limit`; with `after` the oldest ones. */
  list(filter: EventFilter, limit: number): Promise<ListedEvent[]>
  /** Position of the newest event that has one. */
  findEnd(): Promise<number>
  /** Recomputes the chain of hashes. `expected`: a link of it that was kept elsewhere. */
  verify(expected?: { readonly position: number; readonly hash: string }): Promise<VerifiedLog>
}

/** {@link AuditReader} over the database. */
export function createAuditReader(database: Database<EventsSchema>): AuditReader {
  return {
    list: (filter, limit) => listEvents(database, filter, limit),
    findEnd: async () => (await readHead(database.read)).position,
    verify: (expected) => verifyLog(database, expected),
  }
}
