import type { Logger } from 'pino'
import { type Accounts, createAccounts } from '../../accounts/create-accounts.ts'
import type { Directory } from '../../accounts/directory.ts'
import { createLoginPlaces } from '../../accounts/guesses/login-places.ts'
import type { HtpasswdStatus } from '../../accounts/htpasswd/htpasswd-file.ts'
import { LoginGuard, type LoginRelay } from '../../accounts/log-in/login-guard.ts'
import type { OnIssuerFailure } from '../../accounts/workloads/issuer-keys.ts'
import type { Config } from '../../config/config.ts'
import type { LdapConfig } from '../../config/ldap.ts'
import { Headroom } from '../../files/headroom.ts'
import type { ProcessMetrics } from '../../metrics/process-metrics.ts'
import { accountBelongings } from '../database/account-belongings.ts'
import { type DatabaseOptions, type OpenedDatabase, openDatabase } from '../database/open-database.ts'
import { prepareFolder } from '../folders/data-folder.ts'
import { measureDatabase, measureLogins } from '../metrics/seams/measure-seams.ts'
import type { Tracing } from '../traces/open-tracing.ts'
import { createDocumentFetch, listAudiences } from './issuers-of-tokens.ts'

/** The database and the accounts of a data folder. */
export interface Store extends OpenedDatabase {
  readonly accounts: Accounts
  /** Shared by all checks of passwords. */
  readonly guard: LoginGuard
  close(): Promise<void>
}

/** Called with events, beside those of the database. */
interface StoreOptions extends Partial<DatabaseOptions> {
  readonly onIssuerFailure?: OnIssuerFailure | undefined
  readonly onHtpasswdChange?: (status: HtpasswdStatus, path: string) => void
  /** Called if a person of the directory cannot log in here, or the directory gives no answer. */
  readonly onDirectoryTrouble?: (name: string, error: Error) => void
  /** Counts transactions and log-ins; undefined: nothing does. */
  readonly metrics?: ProcessMetrics | undefined
  /** Makes transactions steps of requests; undefined: nothing does. */
  readonly traces?: Tracing | undefined
  /** Sends news about log-ins to other processes that check passwords, too. */
  readonly loginRelay?: LoginRelay | undefined
  /** The same in all these processes; by default this one's own. */
  readonly loginSecret?: Uint8Array | undefined
}

/** Opens the parts that commands and the server both need. Errors: `AppError`, `DatabaseError`. */
export async function openStore(
  config: Config,
  {
    onHtpasswdChange = () => {},
    onDirectoryTrouble = () => {},
    onIssuerFailure,
    loginRelay,
    loginSecret,
    metrics,
    traces,
    headroom = new Headroom(config.dataDir),
    ...options
  }: StoreOptions = {},
): Promise<Store> {
  // With PostgreSQL the folder is of the server alone, which makes it.
  if (config.database.engine === 'sqlite') await prepareFolder(config.dataDir)
  const opened = await openDatabase(config, { headroom, ...options })
  const measured = metrics ? measureDatabase(opened.database, metrics) : opened.database
  const database = traces ? traces.traceDatabase(measured) : measured
  const guard = new LoginGuard({
    relay: loginRelay,
    secret: loginSecret,
    places: createLoginPlaces(database),
  })
  const accounts = createAccounts({
    database,
    belongings: accountBelongings(database),
    htpasswdFile: config.htpasswdFile,
    weakHashes: config.weakHashes,
    onHtpasswdChange,
    directory: config.ldap && {
      persons: await openDirectory(config.ldap),
      adminGroup: config.ldap.adminGroup,
      onTrouble: onDirectoryTrouble,
    },
    guard,
    onIssuerFailure,
    fetchDocument: createDocumentFetch(config),
    audiences: listAudiences(config, database),
  })
  return {
    database,
    accounts: metrics ? measureLogins(accounts, metrics.meter) : accounts,
    guard,
    isFrozen: opened.isFrozen,
    async close() {
      await accounts.close()
      await guard.close()
      await database.close()
    },
  }
}

/** The part of the options that logs what becomes of files, directories and issuers of accounts. */
export function logAccountTrouble(
  logger: Logger,
): Required<Pick<StoreOptions, 'onHtpasswdChange' | 'onDirectoryTrouble' | 'onIssuerFailure'>> {
  return {
    onHtpasswdChange: (status, file) => logHtpasswd(logger, status, file),
    onDirectoryTrouble: (name, error) => logDirectoryTrouble(logger, name, error),
    onIssuerFailure: (failure) =>
      logger.warn(failure, 'the keys of an issuer of ID tokens could not be fetched'),
  }
}

/** Loaded here: a registry without a directory does without its memory. */
async function openDirectory(ldap: LdapConfig): Promise<Directory> {
  const { createLdapDirectory } = await import('../../ldap/ldap-directory.ts')
  return createLdapDirectory(ldap)
}

/** Logs why a person of the directory could not log in. */
function logDirectoryTrouble(logger: Logger, name: string, error: Error): void {
  const message = isUnreachable(error)
    ? 'a log-in failed: the directory gave no answer'
    : 'a person of the directory cannot log in'
  logger.warn({ account: name, reason: error.message }, message)
}

function isUnreachable(error: Error): boolean {
  return error.name === 'DirectoryError'
}

/** Logs the status of an htpasswd file that was read. */
function logHtpasswd(
  logger: Logger,
  { usableAccounts, warnings, problem }: HtpasswdStatus,
  file: string,
): void {
  const isFine = problem === undefined && warnings.length === 0
  logger[isFine ? 'info' : 'warn']({ file, usableAccounts, warnings, problem }, 'htpasswd file read')
}
