import type { AccountManager } from '../accounts/accounts.ts'
import type { Config } from '../config/config.ts'
import { createSqlMetadata } from '../metadata/sql-metadata.ts'
import { createRepositoryManager } from '../registry/manage-repositories.ts'
import type { RepositoryManager } from '../registry/repositories.ts'
import { databaseFile } from './data-folder.ts'
import { forgetFirstPassword } from './first-admin.ts'
import { openStore } from './open-store.ts'
import { requireData } from './require-data.ts'
import { toAppError } from './system-fault.ts'

/** The data of one Berth, open for the operator's commands, whether or not the server runs. */
export interface OpenData extends AsyncDisposable {
  readonly accounts: AccountManager
  readonly repositories: RepositoryManager
}

/** How data are opened. */
export interface OpenDataOptions {
  /** Makes the folder and the database where there are none. */
  readonly mayMake: boolean
  /** The command takes `--new`, which an error then names. */
  readonly takesNew: boolean
}

/**
 * Opens the data folder of a configuration.
 * Errors: `AppError` (`DATA_NOT_FOUND` if there is none and none may be made), `DatabaseError`.
 */
export async function openData(
  config: Config,
  { mayMake, takesNew }: OpenDataOptions = { mayMake: true, takesNew: false },
): Promise<OpenData> {
  if (!mayMake) await requireData(config.dataDir, { takesNew })
  const store = await openStore(config)
  const file = databaseFile(config.dataDir)
  return {
    accounts: withClearFaults(withFirstPassword(store.accounts, config.dataDir), file),
    repositories: withClearFaults(createRepositoryManager(createSqlMetadata(store.database)), file),
    [Symbol.asyncDispose]: () => store.close(),
  }
}

/** The file of the first password is removed when that password no longer counts. */
function withFirstPassword(accounts: AccountManager, dataDir: string): AccountManager {
  return {
    add: (account) => accounts.add(account),
    list: () => accounts.list(),
    isEmpty: () => accounts.isEmpty(),
    setDisabled: (name, isDisabled) => accounts.setDisabled(name, isDisabled),
    async setPassword(name, password) {
      await accounts.setPassword(name, password)
      await forgetFirstPassword(dataDir, name)
    },
    async remove(name) {
      await accounts.remove(name)
      await forgetFirstPassword(dataDir, name)
    },
  }
}

/** The same methods, all of which return promises; a failure of the system becomes the error that a command reports. */
function withClearFaults<T extends object>(target: T, file: string): T {
  return new Proxy(target, {
    get(_target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return async (...args: unknown[]) => {
        try {
          return await Reflect.apply(member, target, args)
        } catch (error) {
          throw toAppError(error, 'database', file)
        }
      }
    },
  })
}
