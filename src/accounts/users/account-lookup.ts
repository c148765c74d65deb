import { isAccountName } from '../../access/account-name.ts'
import type { Database, MemoryOfAbsence } from '../../database/database.ts'
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

/**
 * For names with a line of an htpasswd file only. That none of them has rows of the database is remembered, for else
 * each of their requests would look for them twice; names that a visitor thinks of leave no trace.
 */
const OF_LINES: MemoryOfAbsence = { remembersAbsence: true }

/** Makes the look-up over both places. */
export function createAccountLookup(
  database: Database<AccountsSchema>,
  htpasswd: HtpasswdFiles,
): AccountLookup {
  const findRow = createUserFinder(database)
  const findRowBesideLine = createUserFinder(database, OF_LINES)
  const isFree = createNameCheck(database)
  return async (name) => {
    const row = await (htpasswd.haveHad(name) ? findRowBesideLine(name) : findRow(name))
    if (row) return { account: rowToAccount(row), argon2Hash: row.password_hash }
    const line = await htpasswd.find(name)
    return line && { account: lineToAccount(line, await isFree(name)), line }
  }
}

/**
 * Makes the check that a name with a line of an htpasswd file, and without an account of the database, belongs to that
 * line.
 */
export function createNameCheck({
  read,
  prepareFirst,
}: Database<AccountsSchema>): (name: string) => Promise<boolean> {
  const findRetired = prepareFirst<{ name: string }>(
    read.selectFrom('retired_names').select('name').where('name', '=', '').compile(),
    OF_LINES,
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
