import type { MigrationSet } from '../database/migrations.ts'
import { createEvents } from './migrations/001-events.ts'

/** The schema of events, step by step; `schema.ts` describes the columns. */
export const EVENTS_MIGRATIONS: MigrationSet = {
  capability: 'events',
  migrations: { '001-events': createEvents },
}
