import { type Accounts, createAccounts } from '../accounts/create-accounts.ts'
import type { HtpasswdStatus } from '../accounts/htpasswd-file.ts'
import { LoginGuard } from '../accounts/login-guard.ts'
import { DiskBlobStore } from '../blobs/disk/disk-blob-store.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../metadata/database.ts'
import { openSqliteDatabase } from '../metadata/sqlite/open-sqlite.ts'
import { databaseFile, prepareFolder } from './data-folder.ts'

/** The database and the accounts of a data folder. */
export interface Store {
  readonly database: Database
  readonly accounts: Accounts
  /** Shared by all checks of passwords. */
  readonly guard: LoginGuard
  close(): Promise<void>
}

/** Opens what commands and the server both need. Errors: `AppError`, `DatabaseError`. */
export async function openStore(
  config: Config,
  onHtpasswdChange: (status: HtpasswdStatus, path: string) => void = () => {},
): Promise<Store> {
  await prepareFolder(config.dataDir)
  const database = await openSqliteDatabase(databaseFile(config.dataDir))
  const guard = new LoginGuard(Date.now)
  const accounts = createAccounts({
    database,
    htpasswdFile: config.htpasswdFile,
    weakHashes: config.weakHashes,
    onHtpasswdChange,
    guard,
  })
  return {
    database,
    accounts,
    guard,
    async close() {
      await accounts.close()
      await guard.close()
      await database.close()
    },
  }
}

/** Opens the blobs of a configuration. Errors: `AppError`. */
export async function openBlobs(config: Config): Promise<DiskBlobStore> {
  await prepareFolder(config.registryRoot)
  return DiskBlobStore.open(config.registryRoot)
}
