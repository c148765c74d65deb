import type { Generated } from 'kysely'

/** Tables of events, the audit log and webhooks. Times are milliseconds since 1970. */
export interface EventsSchema {
  /** Events that were committed with what they announce, and have no place in the audit log yet. */
  event_outbox: {
    id: Generated<number>
    at: number
    /** The event as JSON, as the audit log keeps it. */
    body: string
  }
  /** Events in their order, each with a hash over itself and the one before. Rows are added and, by age, removed; never changed. */
  audit_log: {
    /** Grows by one: a missing number is a removed row. */
    position: number
    at: number
    action: string
    outcome: string
    who: string | null
    repository: string | null
    body: string
    hash: string
  }
  /** One row: the ends of the audit log. */
  audit_head: {
    id: number
    /** Of the newest event; 0: there was none yet. */
    position: number
    hash: string
    /** Of the last event that was removed by age or size: the chain begins after it. */
    anchor_position: number
    anchor_hash: string
    /** Sum of the characters of all bodies. */
    size: number
  }
  webhooks: {
    id: Generated<number>
    name: string
    url: string
    format: string
    /** Patterns of repositories, JSON. */
    repositories: string
    /** Actions, JSON; empty: all. */
    actions: string
    /** Key of the signature. No command shows it again. */
    secret: string | null
    /** Headers of each request, JSON; they may hold a log-in, and no command shows their values. */
    headers: string
    /** `command`, or `settings`: made from a file of settings at the start. */
    source: string
    timeout_ms: number
    is_paused: number
    created_at: number
  }
  webhook_deliveries: {
    id: Generated<number>
    webhook_id: number
    /** Of the event in the audit log. */
    position: number
    /** Deliveries of one repository keep their order; empty: the event is of none. */
    repository: string
    /** `waiting`, `delivered` or `dead`. */
    state: string
    attempts: number
    /** Time of the next attempt. */
    due_at: number
    changed_at: number
    /** Status of the last answer; null: there was none. */
    status: number | null
    /** Why the last attempt failed. */
    reason: string | null
    body: string
  }
  /** Work that one process at a time does. */
  event_turns: {
    name: string
    holder: string
    held_until: number
  }
}
