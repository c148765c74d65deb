import { createHash } from 'node:crypto'
import type { StoredEvent } from '../event.ts'

/** A row of the audit log without its hash. */
interface ChainedRow {
  readonly position: number
  readonly body: string
}

/** Hash of a row: over its position, its body and the hash of the row before. */
export function hashRow(before: string, { position, body }: ChainedRow): string {
  return createHash('sha256').update(`${before}\n${position}\n${body}`).digest('hex')
}

/** The columns that are made from the body, so that queries can choose by them. */
export function toColumns(body: string): {
  at: number
  action: string
  outcome: string
  who: string | null
  repository: string | null
} {
  const event = JSON.parse(body) as StoredEvent
  return {
    at: Date.parse(event.at),
    action: event.action,
    outcome: event.outcome,
    who: event.who ?? null,
    repository: event.repository ?? null,
  }
}
