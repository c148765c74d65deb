import { removeRights } from '../../access/stored/remove-rights.ts'
import type { AccountBelongings } from '../../accounts/belongings.ts'
import type { Database } from '../../database/database.ts'
import { createAccountContent } from '../../metadata/account-content.ts'
import { endLogIns } from '../../tokens/refresh/log-ins.ts'
import type { BerthSchema } from './database-schema.ts'

/** Data of accounts in other parts of the database. */
export function accountBelongings(database: Database<BerthSchema>): AccountBelongings {
  return {
    ...createAccountContent(database),
    endLogIns,
    removeRights: (tx, id) => removeRights(tx, id, database.now()),
  }
}
