import type { Database } from '../metadata/database.ts'
import type { Account } from './accounts.ts'
import type { HtpasswdFile } from './htpasswd-file.ts'
import type { HtpasswdAccount } from './htpasswd-format.ts'
import { accountOf, createUserFinder } from './user-rows.ts'

/** An account with what its password is checked against: one of the two hashes, or none if it cannot log in. */
export interface KnownAccount {
  readonly account: Account
  readonly argon2Hash?: string
  readonly bcryptHash?: string
}

/** Finds an account by its exact name, in the database first, then in the htpasswd file. Never remembers anything. */
export type AccountLookup = (name: string) => Promise<KnownAccount | undefined>

/** Makes the look-up over both places. */
export function createAccountLookup(database: Database, htpasswd: HtpasswdFile | undefined): AccountLookup {
  const findRow = createUserFinder(database)
  return async (name) => {
    const row = await findRow(name)
    if (row) return { account: accountOf(row), argon2Hash: row.password_hash }
    const content = await htpasswd?.current()
    const line = content?.accounts.get(name)
    if (!line) return undefined
    const account = accountOfLine(line)
    return line.bcryptHash === undefined ? { account } : { account, bcryptHash: line.bcryptHash }
  }
}

/** An account of an htpasswd file: never an administrator; disabled where its hash is none that is checked. */
export function accountOfLine(line: HtpasswdAccount): Account {
  return {
    name: line.name,
    isAdmin: false,
    isDisabled: line.bcryptHash === undefined,
    source: 'htpasswd',
    version: line.version,
    createdAt: undefined,
  }
}
