import type { CompiledQuery, Selectable, Transaction } from 'kysely'
import type { Database, FirstRow } from '../metadata/database.ts'
import type { Schema, UserTable } from '../metadata/schema.ts'
import type { Account } from './accounts.ts'
import { heldNamesOf } from './name-ownership.ts'

/** A row of the table of users. */
export type UserRow = Selectable<UserTable>

/** Finds the row of a name. The query is compiled once: it is run for each request. */
export function createUserFinder({ reader, prepareFirst }: Database): FirstRow<UserRow> {
  const query: CompiledQuery<UserRow> = reader
    .selectFrom('users')
    .selectAll()
    .where('name', '=', '')
    .compile()
  return prepareFirst(query)
}

/** Id of an account of the database, from that of its row. */
export function userId(row: number): string {
  return `user:${row}`
}

/** The account of a row. Ids are never given twice, so a name that is added again has another version. */
export function accountOf(row: UserRow): Account {
  return {
    id: userId(row.id),
    name: row.name,
    owns: [row.name, ...heldNamesOf(row)],
    isAdmin: row.is_admin === 1,
    isDisabled: row.is_disabled === 1,
    source: 'database',
    version: `${row.id}.${row.version}`,
    createdAt: new Date(row.created_at),
  }
}

/** True if this is the only account that can still administer. To be asked in the transaction that changes it. */
export async function isLastAdmin(transaction: Transaction<Schema>, row: UserRow): Promise<boolean> {
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

/** Ends the upload sessions of an account; what they hold is removed with what else is abandoned. */
export async function endUploads(transaction: Transaction<Schema>, id: string): Promise<void> {
  await transaction.deleteFrom('uploads').where('principal', '=', id).execute()
}

/** Ends all log-ins of a name. */
export async function endLogIns(transaction: Transaction<Schema>, name: string): Promise<void> {
  await transaction.deleteFrom('refresh_tokens').where('user_name', '=', name).execute()
}
