import type { Transaction } from 'kysely'
import { isAccountName, MAX_ACCOUNT_NAME_LENGTH } from '../access/account-name.ts'
import type { Database } from '../metadata/database.ts'
import type { Schema } from '../metadata/schema.ts'
import { accountOfLine } from './account-lookup.ts'
import { type Account, AccountError, type AccountManager } from './accounts.ts'
import type { HtpasswdFiles } from './htpasswd-files.ts'
import { hashPassword } from './password-hash.ts'
import { checkNewPassword } from './password-rules.ts'
import { accountOf, endLogIns, isLastAdmin, type UserRow } from './user-rows.ts'

/** What an account manager is made of. */
export interface AccountManagerParts {
  readonly database: Database
  readonly htpasswd: HtpasswdFiles
  readonly clock: () => number
}

/** Manages the accounts of the database; each change is one transaction, which the server sees at once. */
export class DatabaseAccountManager implements AccountManager {
  readonly #database: Database
  readonly #htpasswd: HtpasswdFiles
  readonly #clock: () => number

  constructor(parts: AccountManagerParts) {
    this.#database = parts.database
    this.#htpasswd = parts.htpasswd
    this.#clock = parts.clock
  }

  async add(account: { name: string; password: string; isAdmin: boolean }): Promise<void> {
    checkNewName(account.name)
    checkNewPassword(account.password)
    const { numInsertedOrUpdatedRows } = await this.#database.writer
      .insertInto('users')
      .values({
        name: account.name,
        password_hash: await hashPassword(account.password),
        is_admin: account.isAdmin ? 1 : 0,
        is_disabled: 0,
        version: 1,
        created_at: this.#clock(),
      })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .executeTakeFirst()
    if (numInsertedOrUpdatedRows === 0n) {
      throw new AccountError('ALREADY_EXISTS', `There is an account "${account.name}" already`)
    }
  }

  async setPassword(name: string, password: string): Promise<void> {
    checkNewPassword(password)
    const passwordHash = await hashPassword(password)
    await this.#change(name, async (transaction, row) => {
      await transaction
        .updateTable('users')
        .set({ password_hash: passwordHash, version: row.version + 1 })
        .where('id', '=', row.id)
        .execute()
      await endLogIns(transaction, name)
    })
  }

  async remove(name: string): Promise<void> {
    await this.#change(name, async (transaction, row) => {
      await refuseLastAdmin(transaction, row)
      await transaction.deleteFrom('users').where('id', '=', row.id).execute()
      await endLogIns(transaction, name)
    })
  }

  async setDisabled(name: string, isDisabled: boolean): Promise<void> {
    await this.#change(name, async (transaction, row) => {
      if ((row.is_disabled === 1) === isDisabled) return
      if (isDisabled) await refuseLastAdmin(transaction, row)
      await transaction
        .updateTable('users')
        .set({ is_disabled: isDisabled ? 1 : 0, version: row.version + 1 })
        .where('id', '=', row.id)
        .execute()
      await endLogIns(transaction, name)
    })
  }

  async list(): Promise<Account[]> {
    const rows = await this.#database.reader.selectFrom('users').selectAll().execute()
    const accounts = new Map(rows.map((row) => [row.name, accountOf(row)]))
    for (const line of await this.#htpasswd.list()) {
      if (!accounts.has(line.name)) accounts.set(line.name, accountOfLine(line))
    }
    return [...accounts.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async isEmpty(): Promise<boolean> {
    const row = await this.#database.writer.selectFrom('users').select('id').limit(1).executeTakeFirst()
    return row === undefined
  }

  /** Changes an account in one transaction. Errors: `AccountError` `UNKNOWN_ACCOUNT`; what the change throws. */
  async #change(
    name: string,
    change: (transaction: Transaction<Schema>, row: UserRow) => Promise<void>,
  ): Promise<void> {
    const isFound = await this.#database.writer.transaction().execute(async (transaction) => {
      const row = await transaction
        .selectFrom('users')
        .selectAll()
        .where('name', '=', name)
        .executeTakeFirst()
      if (!row) return false
      await change(transaction, row)
      return true
    })
    if (!isFound) throw await this.#unknown(name)
  }

  async #unknown(name: string): Promise<AccountError> {
    const line = await this.#htpasswd.find(name)
    return new AccountError(
      'UNKNOWN_ACCOUNT',
      line
        ? `The account "${name}" stands in an htpasswd file, and can only be changed there`
        : `There is no account "${name.slice(0, MAX_ACCOUNT_NAME_LENGTH)}"`,
    )
  }
}

function checkNewName(name: string): void {
  if (isAccountName(name)) return
  throw new AccountError(
    'NAME_INVALID',
    `A name has lower-case letters and digits, with single separators (. _ -) between them, and at most ${MAX_ACCOUNT_NAME_LENGTH} characters`,
  )
}

async function refuseLastAdmin(transaction: Transaction<Schema>, row: UserRow): Promise<void> {
  if (!(await isLastAdmin(transaction, row))) return
  throw new AccountError('LAST_ADMIN', `"${row.name}" is the last administrator: make another one first`)
}
