import type { AccountBelongings } from '../accounts/belongings.ts'
import type { Database } from '../database/database.ts'
import { createAccountContent } from '../metadata/account-content.ts'
import { endLogIns } from '../tokens/log-ins.ts'
import type { BerthSchema } from './database-schema.ts'

/** What accounts have elsewhere in the database. */
export function accountBelongings(database: Database<BerthSchema>): AccountBelongings {
  return { ...createAccountContent(database), endLogIns }
}
