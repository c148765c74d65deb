import type { AccountManager } from '../accounts/accounts.ts'
import type { Config } from '../config/config.ts'
import { createSqlMetadata } from '../metadata/sql-metadata.ts'
import { createRepositoryManager } from '../registry/manage-repositories.ts'
import type { RepositoryManager } from '../registry/repositories.ts'
import { openStore } from './open-store.ts'

/** The data of one Berth, open for the operator's commands, whether or not the server runs. */
export interface OpenData extends AsyncDisposable {
  readonly accounts: AccountManager
  readonly repositories: RepositoryManager
}

/**
 * Opens the data folder of a configuration, creating it.
 * Errors: `AppError`, `DatabaseError`.
 */
export async function openData(config: Config): Promise<OpenData> {
  const store = await openStore(config)
  return {
    accounts: store.accounts,
    repositories: createRepositoryManager(createSqlMetadata(store.database)),
    [Symbol.asyncDispose]: () => store.close(),
  }
}
