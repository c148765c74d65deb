import type { Database } from '../../database/database.ts'
import { type Account, AccountError, type AccountManager } from '../accounts.ts'
import type { Directory, DirectoryPerson } from '../directory.ts'
import type { AccountsSchema } from '../schema.ts'

/** Accounts of one page: each needs a question to the directory. */
const PAGE = 100

/** Dependencies of a comparison with the directory. */
interface SyncParts {
  readonly database: Database<AccountsSchema>
  readonly directory: Directory
  /** Gives the account of a person the groups and rights of now. */
  readonly admit: (person: DirectoryPerson) => Promise<Account | undefined>
  readonly setDisabled: AccountManager['setDisabled']
}

/** Result of a comparison. */
export interface DirectorySync {
  /** Accounts whose person is in the directory. */
  readonly found: number
  /** Names of accounts that were disabled, since their person is gone. */
  readonly disabled: readonly string[]
  /**
   * Names of accounts that stay although their person is not found: the last administrator, and all of them if the
   * directory shows none, which is more likely a wrong setting than the end of everybody.
   */
  readonly kept: readonly string[]
}

/**
 * Compares the enabled accounts of persons with the directory: those whose person is gone, or whose name is another
 * person's by now, are disabled, which ends their log-ins and tokens; the groups of the others are replaced. Errors:
 * `DirectoryError`, before any account is disabled.
 */
export async function syncDirectory({
  database,
  directory,
  admit,
  setDisabled,
}: SyncParts): Promise<DirectorySync> {
  let found = 0
  const gone: string[] = []
  for await (const row of eachPerson(database)) {
    const person = await directory.find(row.name)
    if (person?.id === row.directory_id && person !== undefined) {
      await admit(person)
      found++
    } else gone.push(row.name)
  }
  if (found === 0) return { found, disabled: [], kept: gone }
  const disabled: string[] = []
  for (const name of gone) if (await disable(name, setDisabled)) disabled.push(name)
  return { found, disabled, kept: gone.filter((name) => !disabled.includes(name)) }
}

async function* eachPerson(database: Database<AccountsSchema>) {
  for (let after = 0; ; ) {
    const rows = await database.read
      .selectFrom('users')
      .select(['id', 'name', 'directory_id'])
      .where('directory_id', 'is not', null)
      .where('is_disabled', '=', 0)
      .where('id', '>', after)
      .orderBy('id')
      .limit(PAGE)
      .execute()
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return
    after = last.id
  }
}

/** False for the last administrator, and for an account that was removed meanwhile. */
async function disable(name: string, setDisabled: AccountManager['setDisabled']): Promise<boolean> {
  try {
    await setDisabled(name, true)
    return true
  } catch (error) {
    if (error instanceof AccountError) return false
    throw error
  }
}
