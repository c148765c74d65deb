import type { Transaction } from 'kysely'
import { isAccountName, MAX_ACCOUNT_NAME_LENGTH } from '../../access/account-name.ts'
import type { Database } from '../../database/database.ts'
import { type Account, AccountError, type AccountManager, type OwnedRepositories } from '../accounts.ts'
import { type AccountBelongings, removeBelongings } from '../belongings.ts'
import type { HtpasswdFiles } from '../htpasswd/htpasswd-files.ts'
import { hashPassword, type PasswordCost } from '../passwords/password-hash.ts'
import { checkNewPassword } from '../passwords/password-rules.ts'
import type { AccountsSchema } from '../schema.ts'
import { createNameCheck, lineToAccount } from './account-lookup.ts'
import {
  clearClaim,
  type FindBelow,
  findBelowIn,
  findRepositoriesOf,
  giveNames,
  parseHeldNames,
  refuseRobotName,
  refuseTaken,
  releaseName,
  retireName,
} from './name-ownership.ts'
import { isLastAdmin, robotAccountId, rowToAccount, type UserRow, userId } from './user-rows.ts'

/** Dependencies of an account manager. */
interface AccountManagerParts {
  readonly database: Database<AccountsSchema>
  readonly belongings: AccountBelongings
  readonly htpasswd: HtpasswdFiles
  readonly clock: () => number
  readonly passwordCost: PasswordCost
}

/** Manages the accounts of the database; each change is one transaction, which the server sees at once. */
export class DatabaseAccountManager implements AccountManager {
  readonly #database: Database<AccountsSchema>
  readonly #belongings: AccountBelongings
  readonly #htpasswd: HtpasswdFiles
  readonly #clock: () => number
  readonly #passwordCost: PasswordCost
  readonly #isNameFree: (name: string) => Promise<boolean>

  constructor(parts: AccountManagerParts) {
    this.#database = parts.database
    this.#belongings = parts.belongings
    this.#htpasswd = parts.htpasswd
    this.#clock = parts.clock
    this.#passwordCost = parts.passwordCost
    this.#isNameFree = createNameCheck(parts.database)
  }

  async add(account: {
    name: string
    password: string
    isAdmin: boolean
    takeOver?: boolean
  }): Promise<void> {
    const { name, takeOver = false } = account
    checkNewName(name)
    checkNewPassword(account.password)
    const row = {
      name,
      password_hash: await hashPassword(account.password, this.#passwordCost),
      is_admin: account.isAdmin ? 1 : 0,
      is_disabled: 0,
      version: 1,
      created_at: this.#clock(),
    }
    await this.#database.transaction(async (tx) => {
      await refuseRobotName(tx, name, 'ALREADY_EXISTS')
      const { numInsertedOrUpdatedRows } = await tx
        .insertInto('users')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doNothing())
        .executeTakeFirst()
      if (numInsertedOrUpdatedRows === 0n) {
        throw new AccountError('ALREADY_EXISTS', `There is an account "${name}" already`)
      }
      if (!takeOver) await refuseTaken(tx, name, findBelowIn(this.#belongings, tx))
      await clearClaim(tx, name)
    })
  }

  async setPassword(name: string, password: string): Promise<void> {
    checkNewPassword(password)
    const passwordHash = await hashPassword(password, this.#passwordCost)
    await this.#change(name, async (transaction, row) => {
      if (row.directory_id !== null) {
        throw new AccountError('DIRECTORY_ACCOUNT', `The password of "${name}" is kept by the directory`)
      }
      await transaction
        .updateTable('users')
        .set({ password_hash: passwordHash, version: row.version + 1 })
        .where('id', '=', row.id)
        .execute()
      await this.#belongings.endLogIns(transaction, name)
    })
  }

  async remove(name: string, { giveTo }: { giveTo?: string | undefined } = {}): Promise<OwnedRepositories> {
    const staysByLine = giveTo === name && (await this.#htpasswd.find(name)) !== undefined
    const now = this.#clock()
    return this.#change(name, async (transaction, row) => {
      const find = findBelowIn(this.#belongings, transaction)
      await refuseLastAdmin(transaction, row)
      // They are removed with their owner, by their foreign key.
      const robots = await transaction
        .selectFrom('robots')
        .select(['id', 'name'])
        .where('owner_id', '=', row.id)
        .execute()
      await transaction.deleteFrom('users').where('id', '=', row.id).execute()
      const gone = robots.map((robot) => ({ name: robot.name, id: robotAccountId(robot.id) }))
      for (const account of [{ name, id: userId(row.id) }, ...gone])
        await removeBelongings(transaction, this.#belongings, account)
      const names = [row.name, ...parseHeldNames(row)]
      const left = await findRepositoriesOf(find, names)
      if (giveTo !== undefined && giveTo !== name) {
        await giveFilled(transaction, { heir: giveTo, names, find, now })
        return left
      }
      if (giveTo === name && !staysByLine) throw noSuchHeir(name)
      for (const owned of names) {
        const isNobodys = (await find(owned, 0)).count > 0
        if (isNobodys && !(staysByLine && owned === name)) await retireName(transaction, owned, now)
        else await releaseName(transaction, owned)
      }
      return left
    })
  }

  async findRepositories(name: string): Promise<OwnedRepositories> {
    const { read } = this.#database
    const row = await read.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst()
    if (!row) throw await this.#unknown(name)
    return findRepositoriesOf(findBelowIn(this.#belongings), [row.name, ...parseHeldNames(row)])
  }

  async releaseNames(names: readonly string[]): Promise<void> {
    await this.#database.transaction(async (tx) => {
      for (const name of names) {
        const { count } = await this.#belongings.findRepositories(name, { limit: 0, tx })
        if (count === 0) await clearClaim(tx, name)
      }
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
      await this.#belongings.endLogIns(transaction, name)
    })
  }

  async list(): Promise<Account[]> {
    const rows = await this.#database.read.selectFrom('users').selectAll().execute()
    const accounts = new Map(rows.map((row) => [row.name, rowToAccount(row)]))
    for (const line of await this.#htpasswd.list()) {
      if (!accounts.has(line.name)) {
        accounts.set(line.name, lineToAccount(line, await this.#isNameFree(line.name)))
      }
    }
    return [...accounts.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async isEmpty(): Promise<boolean> {
    const row = await this.#database.read.selectFrom('users').select('id').limit(1).executeTakeFirst()
    return row === undefined
  }

  /** Changes an account in one transaction. Errors: `AccountError` `UNKNOWN_ACCOUNT`; those of the change. */
  async #change<R>(
    name: string,
    change: (transaction: Transaction<AccountsSchema>, row: UserRow) => Promise<R>,
  ): Promise<R> {
    const changed = await this.#database.transaction(async (transaction) => {
      const row = await transaction
        .selectFrom('users')
        .selectAll()
        .where('name', '=', name)
        .executeTakeFirst()
      return row && { result: await change(transaction, row) }
    })
    if (!changed) throw await this.#unknown(name)
    return changed.result
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

async function refuseLastAdmin(transaction: Transaction<AccountsSchema>, row: UserRow): Promise<void> {
  if (!(await isLastAdmin(transaction, row))) return
  throw new AccountError('LAST_ADMIN', `"${row.name}" is the last administrator`)
}

/** Only names with a repository are given: an empty name is free. */
async function giveFilled(
  tx: Transaction<AccountsSchema>,
  gift: { heir: string; names: readonly string[]; find: FindBelow; now: number },
): Promise<void> {
  const { heir, names, find, now } = gift
  const row = await tx.selectFrom('users').selectAll().where('name', '=', heir).executeTakeFirst()
  if (!row) throw noSuchHeir(heir)
  const filled: string[] = []
  for (const name of names) {
    if ((await find(name, 0)).count > 0) filled.push(name)
    else await releaseName(tx, name)
  }
  await giveNames(tx, row, { names: filled, now })
}

function noSuchHeir(name: string): AccountError {
  return new AccountError(
    'UNKNOWN_ACCOUNT',
    `Repositories can only be given to an account of the database, and "${name.slice(0, MAX_ACCOUNT_NAME_LENGTH)}" is none`,
  )
}
