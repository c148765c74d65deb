import type { MigrationSet } from '../../database/migrations.ts'
import { createRules } from './migrations/001-rules.ts'

/** The schema of access, step by step; `schema.ts` describes the columns. */
export const ACCESS_MIGRATIONS: MigrationSet = {
  capability: 'access',
  migrations: { '001-rules': createRules },
}
