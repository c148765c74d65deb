import type { AccountManager } from '../accounts/accounts.ts'
import type { Config } from '../config/config.ts'
import type { RepositoryManager } from '../registry/repositories.ts'

/** The data of one Berth, open for the operator's commands, whether or not the server runs. */
export interface OpenData extends AsyncDisposable {
  readonly accounts: AccountManager
  readonly repositories: RepositoryManager
}

/**
 * Opens the data folder of a configuration, creating it.
 * Errors: `AppError`, `DatabaseError`.
 */
export async function openData(_config: Config): Promise<OpenData> {
  throw new Error('not yet')
}
