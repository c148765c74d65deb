import type { Transaction } from 'kysely'
import { isAccountName } from '../../access/account-name.ts'
import type { Database } from '../../database/database.ts'
import { type Account, AccountError } from '../accounts.ts'
import type { AccountBelongings } from '../belongings.ts'
import type { DirectoryPerson } from '../directory.ts'
import type { AccountsSchema } from '../schema.ts'
import { findBelowIn, refuseRobotName, refuseTaken } from './name-ownership.ts'
import { isLastAdmin, rowToAccount, type UserRow } from './user-rows.ts'

/** A hash that no password matches: only the directory checks the passwords of its persons. */
const NO_PASSWORD = ''

/** Dependencies of the accounts of a directory's persons. */
interface DirectoryAccountParts {
  readonly database: Database<AccountsSchema>
  readonly belongings: AccountBelongings
  readonly clock: () => number
  /** Group of the directory whose members are administrators; undefined: it makes nobody one. */
  readonly adminGroup: string | undefined
}

/**
 * The account of a person whose password was right: made at the first log-in, and with the groups and rights of now at
 * each. Undefined if it is disabled. Errors: `AccountError` `NAME_TAKEN` if the name is another's here,
 * `NAME_INVALID`.
 */
export async function admitPerson(
  person: DirectoryPerson,
  { database, belongings, clock, adminGroup }: DirectoryAccountParts,
): Promise<Account | undefined> {
  const wish = {
    directory_id: person.id,
    directory_groups: JSON.stringify(person.groups),
    is_admin: adminGroup !== undefined && person.groups.includes(adminGroup) ? 1 : 0,
  }
  return database.transaction(async (tx) => {
    const row = await findRow(tx, person.name)
    if (row) return toEnabled(await updateRow(tx, { row, wish }))
    await refuseRobotName(tx, person.name, 'NAME_TAKEN')
    await refuseOthersName(tx, person, belongings)
    await tx
      .insertInto('users')
      .values({
        ...wish,
        name: person.name,
        password_hash: NO_PASSWORD,
        is_disabled: 0,
        version: 1,
        created_at: clock(),
      })
      .execute()
    return toEnabled(await findRow(tx, person.name))
  })
}

/** Columns that follow the directory. */
type Wish = Pick<UserRow, 'is_admin'> & { readonly directory_id: string; readonly directory_groups: string }

async function updateRow(
  tx: Transaction<AccountsSchema>,
  { row, wish }: { row: UserRow; wish: Wish },
): Promise<UserRow> {
  if (row.directory_id !== wish.directory_id) {
    throw new AccountError(
      'NAME_TAKEN',
      row.directory_id === null
        ? `The account "${row.name}" is one of this registry, not of the directory`
        : `The account "${row.name}" is another person's, who had this name in the directory before`,
    )
  }
  // Without an administrator the registry could not be managed any more, whatever the directory says.
  const isKept = wish.is_admin === 0 && (await isLastAdmin(tx, row))
  const isAdmin = isKept ? 1 : wish.is_admin
  if (row.is_admin === isAdmin && row.directory_groups === wish.directory_groups) return row
  const changed = {
    is_admin: isAdmin,
    directory_groups: wish.directory_groups,
    // Another right ends the tokens made with the one before; groups are read at each request.
    version: row.is_admin === isAdmin ? row.version : row.version + 1,
  }
  await tx.updateTable('users').set(changed).where('id', '=', row.id).execute()
  return { ...row, ...changed }
}

/** Errors: `AccountError` `NAME_INVALID`, `NAME_TAKEN`. */
async function refuseOthersName(
  tx: Transaction<AccountsSchema>,
  { id, name }: DirectoryPerson,
  belongings: AccountBelongings,
): Promise<void> {
  if (!isAccountName(name))
    throw new AccountError('NAME_INVALID', `"${name}" cannot be the name of an account`)
  const former = await tx.selectFrom('users').select('name').where('directory_id', '=', id).executeTakeFirst()
  if (former) {
    throw new AccountError(
      'NAME_TAKEN',
      `"${name}" is the person whose account here is "${former.name}": rename that account`,
    )
  }
  await refuseTaken(tx, name, findBelowIn(belongings, tx))
}

function findRow(tx: Transaction<AccountsSchema>, name: string): Promise<UserRow | undefined> {
  return tx.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst()
}

function toEnabled(row: UserRow | undefined): Account | undefined {
  return row && row.is_disabled === 0 ? rowToAccount(row) : undefined
}
