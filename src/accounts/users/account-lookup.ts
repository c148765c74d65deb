import { isAccountName } from '../../access/account-name.ts'
import type { Database } from '../../database/database.ts'
import type { Account } from '../accounts.ts'
import type { HtpasswdFiles } from '../htpasswd/htpasswd-files.ts'
import type { HtpasswdAccount } from '../htpasswd/htpasswd-format.ts'
import type { AccountsSchema } from '../schema.ts'
import { createUserFinder, rowToAccount } from './user-rows.ts'

/** An account with its hash: that of the database or that of an htpasswd file, or none if it cannot log in. */
export interface KnownAccount {
  readonly account: Account
  readonly argon2Hash?: string
  /** Its line of an htpasswd file. */
  readonly line?: HtpasswdAccount
}

/** Finds an account by its exact name, in the database first, then in the htpasswd files. Caches nothing. */
export type AccountLookup = (name: string) => Promise<KnownAccount | undefined>

/** Makes the look-up over both places. */
export function createAccountLookup(
  database: Database<AccountsSchema>,
  htpasswd: HtpasswdFiles,
): AccountLookup {
  const findRow = createUserFinder(database)
  const isFree = createNameCheck(database)
  return async (name) => {
    const row = await findRow(name)
    if (row) return { account: rowToAccount(row), argon2Hash: row.password_hash }
    const line = await htpasswd.find(name)
    return line && { account: lineToAccount(line, await isFree(name)), line }
  }
}

/** Makes the check that a name without an account of the database belongs to its line of an htpasswd file. */
export function createNameCheck({
  read,
  prepareFirst,
}: Database<AccountsSchema>): (name: string) => Promise<boolean> {
  const findRetired = prepareFirst<{ name: string }>(
    read.selectFrom('retired_names').select('name').where('name', '=', '').compile(),
  )
  return async (name) => (await findRetired(name)) === undefined
}

/**
 * An account of an htpasswd file: never an administrator; disabled if its hash is of no supported form. It owns
 * repositories below its name, unless these are left from a stored account.
 */
export function lineToAccount(line: HtpasswdAccount, isNameFree: boolean): Account {
  return {
    // A changed line may hold a new password of the same person, or another person: it counts as another account.
    id: line.version,
    name: line.name,
    owns: isNameFree && isAccountName(line.name) ? [line.name] : [],
    isAdmin: false,
    isDisabled: line.hash === undefined,
    source: 'htpasswd',
    version: line.version,
    createdAt: undefined,
  }
}
