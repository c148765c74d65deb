import type { CompiledQuery, Selectable, Transaction } from 'kysely'
import type { Database, FirstRow, MemoryOfAbsence } from '../../database/database.ts'
import type { Account } from '../accounts.ts'
import type { AccountsSchema, UserTable } from '../schema.ts'
import { parseHeldNames } from './name-ownership.ts'

/** A row of the table of users. */
export type UserRow = Selectable<UserTable>

/** Finds the row of a name. The query is compiled once: it is run for each request. */
export function createUserFinder(
  { read, prepareFirst }: Database<AccountsSchema>,
  memory?: MemoryOfAbsence,
): FirstRow<UserRow> {
  const query: CompiledQuery<UserRow> = read.selectFrom('users').selectAll().where('name', '=', '').compile()
  return prepareFirst(query, memory)
}

/** Id of an account of the database, from that of its row. */
export function userId(row: number): string {
  return `user:${row}`
}

/** Id of a robot's account, from that of its row. */
export function robotAccountId(row: number): string {
  return `robot:${row}`
}

/** The account of a row. Ids are never given twice, so a name that is added again has another version. */
export function rowToAccount(row: UserRow): Account {
  return {
    id: userId(row.id),
    name: row.name,
    owns: [row.name, ...parseHeldNames(row)],
    isAdmin: row.is_admin === 1,
    isDisabled: row.is_disabled === 1,
    ...(row.directory_id === null
      ? { source: 'database' }
      : { source: 'directory', directoryGroups: JSON.parse(row.directory_groups) as string[] }),
    version: `${row.id}.${row.version}`,
    createdAt: new Date(row.created_at),
  }
}

/** True if this is the only account that can still administer. Must be called in the transaction that changes it. */
export async function isLastAdmin(transaction: Transaction<AccountsSchema>, row: UserRow): Promise<boolean> {
  if (row.is_admin === 0 || row.is_disabled === 1) return false
  const other = await transaction
    .selectFrom('users')
    .select('id')
    .where('is_admin', '=', 1)
    .where('is_disabled', '=', 0)
    .where('id', '!=', row.id)
    .limit(1)
    .executeTakeFirst()
  return !other
}
