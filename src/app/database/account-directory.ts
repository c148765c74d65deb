import type { AccountDirectory } from '../../access/stored/account-directory.ts'
import { robotAccountId, userId } from '../../accounts/users/user-rows.ts'
import type { Database } from '../../database/database.ts'
import type { BerthSchema } from './database-schema.ts'

/** The accounts of one database, for the rules in it. */
export function accountDirectory({ read }: Database<BerthSchema>): AccountDirectory {
  return {
    async listIds(tx) {
      const db = tx ? tx.withTables<Pick<BerthSchema, 'users' | 'robots'>>() : read
      const users = await db.selectFrom('users').select(['id', 'name']).execute()
      const robots = await db.selectFrom('robots').select(['id', 'name']).execute()
      return new Map([
        ...users.map(({ id, name }) => [`user:${name}`, userId(id)] as const),
        ...robots.map(({ id, name }) => [`robot:${name}`, robotAccountId(id)] as const),
      ])
    },
  }
}
