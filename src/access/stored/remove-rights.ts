import type { JoinedTransaction } from '../../database/database.ts'
import { findOrigin } from '../../events/origin.ts'
import { STATE_ID } from './create-rule-source.ts'
import type { AccessSchema } from './schema.ts'

/** Tables for `withTables()`, whose types accept no interface as it is. */
type Tables = { [T in keyof AccessSchema]: AccessSchema[T] }

/**
 * Removes the rules about an account and its memberships, by its id, in the transaction that removes the account. If there
 * were any, the version rises: the document no longer has them, and a change based on the one before is refused.
 */
export async function removeRights(tx: JoinedTransaction, id: string, now: number): Promise<void> {
  const tables = tx.withTables<Tables>()
  const rules = await tables.deleteFrom('access_rules').where('who', '=', id).executeTakeFirst()
  const members = await tables.deleteFrom('access_members').where('member', '=', id).executeTakeFirst()
  if (rules.numDeletedRows + members.numDeletedRows === 0n) return
  await tables
    .updateTable('access_state')
    .set(({ eb }) => ({
      version: eb('version', '+', 1),
      changed_at: now,
      changed_by: findOrigin()?.who() ?? null,
    }))
    .where('id', '=', STATE_ID)
    .execute()
}
