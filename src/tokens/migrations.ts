import type { MigrationSet } from '../database/migrations.ts'
import { createTokens } from './migrations/001-tokens.ts'
import { rotateRefreshTokens } from './migrations/002-rotating-refresh-tokens.ts'
import { createSpentRefreshTokens } from './migrations/003-spent-refresh-tokens.ts'
import { addCredentials } from './migrations/004-credentials.ts'

/** The schema of tokens, step by step; `schema.ts` describes the columns. */
export const TOKENS_MIGRATIONS: MigrationSet = {
  capability: 'tokens',
  migrations: {
    '001-tokens': createTokens,
    '002-rotating-refresh-tokens': rotateRefreshTokens,
    '003-spent-refresh-tokens': createSpentRefreshTokens,
    '004-credentials': addCredentials,
  },
  formerNames: {
    '001-tokens': '001-initial',
    '002-rotating-refresh-tokens': '005-rotating-refresh-tokens',
    '003-spent-refresh-tokens': '006-spent-refresh-tokens',
  },
}
