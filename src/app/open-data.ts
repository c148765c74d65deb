import type { AccountManager } from '../accounts/accounts.ts'
import type { Config } from '../config/config.ts'
import { createSqlMetadata } from '../metadata/sql-metadata.ts'
import { createRepositoryManager } from '../registry/manage-repositories.ts'
import type { RepositoryManager } from '../registry/repositories.ts'
import { openStore } from './open-store.ts'
import { requireData } from './require-data.ts'

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
  return {
    accounts: store.accounts,
    repositories: createRepositoryManager(createSqlMetadata(store.database)),
    [Symbol.asyncDispose]: () => store.close(),
  }
}
