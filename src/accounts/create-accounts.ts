import type { Database } from '../database/database.ts'
import type { AccountManager, Authenticator } from './accounts.ts'
import type { AccountBelongings } from './belongings.ts'
import type { Directory, DirectoryPerson } from './directory.ts'
import { createLoginPlaces } from './guesses/login-places.ts'
import type { HtpasswdStatus } from './htpasswd/htpasswd-file.ts'
import { HtpasswdFiles } from './htpasswd/htpasswd-files.ts'
import { PasswordAuthenticator } from './log-in/authenticator.ts'
import { addDirectory } from './log-in/directory-logins.ts'
import { LoginGuard } from './log-in/login-guard.ts'
import { checkPassword } from './log-in/password-check.ts'
import { PASSWORD_COST, type PasswordCost } from './passwords/password-hash.ts'
import type { AccountsSchema } from './schema.ts'
import { createRobotManager } from './secrets/robot-manager.ts'
import { createSecretCheck, isSecret } from './secrets/secret-check.ts'
import { createTokenManager } from './secrets/token-manager.ts'
import { isTrustCredential } from './secrets/trust-rows.ts'
import type { RobotManager, TokenManager } from './secrets.ts'
import { createAccountLookup } from './users/account-lookup.ts'
import { DatabaseAccountManager } from './users/account-manager.ts'
import { admitPerson } from './users/directory-accounts.ts'
import { type DirectorySync, syncDirectory } from './users/sync-directory.ts'
import type { FetchDocument, OnIssuerFailure } from './workloads/issuer-keys.ts'
import { isIdToken } from './workloads/verify-id-token.ts'
import { createWorkloadCheck } from './workloads/workload-check.ts'

/** Dependencies and settings of accounts. */
interface AccountsOptions {
  readonly database: Database<AccountsSchema>
  /** Other capabilities of the same database. */
  readonly belongings: AccountBelongings
  /** Further accounts, in Apache's htpasswd format; undefined: none. */
  readonly htpasswdFile: string | undefined
  /** Further files, such as a virtual host's; they can be replaced later. By default none. */
  readonly htpasswdFiles?: readonly string[]
  /** Allows DES crypt and {PLAIN} in these files; by default such entries cannot log in. */
  readonly weakHashes?: boolean
  /** Called for each htpasswd file that was read, and for each new problem with one. */
  readonly onHtpasswdChange?: (status: HtpasswdStatus, path: string) => void
  /** Milliseconds since 1970; by default this machine's clock for files and guesses, the database's for rows. */
  readonly clock?: () => number
  /** Shared with other checks of passwords, and closed by its owner; by default one of its own. */
  readonly guard?: LoginGuard
  /** Persons of another service who may log in; by default none. */
  readonly directory?: DirectoryOptions | undefined
  /** Fetches the keys of issuers of ID tokens; by default none are, and only trusts with keys of their own count. */
  readonly fetchDocument?: FetchDocument
  readonly onIssuerFailure?: OnIssuerFailure | undefined
  /** Names of this registry as the audience of ID tokens; by default none. */
  readonly audiences?: () => Promise<readonly string[]>
  /** Cost of new hashes, and of checks for a name without a hash; by default the one that keeps passwords safe. */
  readonly passwordCost?: PasswordCost
}

/** A directory, and what its persons may do. */
interface DirectoryOptions {
  readonly persons: Directory
  /** Group whose members are administrators; undefined: it makes nobody one. */
  readonly adminGroup: string | undefined
  /** Called if a person cannot log in here although the password was right, and if the directory gives no answer. */
  readonly onTrouble: (name: string, error: Error) => void
}

/** The accounts of one Berth, for checking and for managing. */
export interface Accounts extends Authenticator, AccountManager, AsyncDisposable {
  readonly tokens: TokenManager
  readonly robots: RobotManager
  /** Status of `htpasswdFile`; undefined without one. Read at the start, to refuse an unreadable file. */
  htpasswdStatus(): Promise<HtpasswdStatus | undefined>
  /**
   * Replaces `htpasswdFiles`, which count after `htpasswdFile`, in this order. Counts with the next request: accounts
   * of a removed file are gone, and their tokens with them. A missing file has no accounts. Errors: `RangeError` for
   * more than `MAX_ACCOUNT_FILES`.
   */
  setHtpasswdFiles(paths: readonly string[]): void
  /** Compares accounts with the directory ({@link syncDirectory}); undefined without one. Errors: `DirectoryError`. */
  syncDirectory(): Promise<DirectorySync | undefined>
  /** Ends the thread that checks hashes, if it runs and is not shared. The database is the caller's to close. */
  close(): Promise<void>
}

/** Makes the accounts over a database and, if there are any, htpasswd files. Reads nothing yet. */
export function createAccounts(options: AccountsOptions): Accounts {
  const {
    database,
    belongings,
    directory,
    htpasswdFile,
    clock = Date.now,
    passwordCost = PASSWORD_COST,
  } = options
  const rowClock = options.clock ?? database.now
  const { guard = new LoginGuard({ clock, places: createLoginPlaces(database, rowClock) }) } = options
  const htpasswd = new HtpasswdFiles({
    clock,
    onChange: options.onHtpasswdChange ?? (() => {}),
    weakHashes: options.weakHashes ?? false,
  })
  const setHtpasswdFiles = (paths: readonly string[]): void => {
    htpasswd.set(htpasswdFile === undefined ? paths : [htpasswdFile, ...paths])
  }
  setHtpasswdFiles(options.htpasswdFiles ?? [])
  const authenticator = createAuthenticator({ ...options, htpasswd, guard, passwordCost, clock: rowClock })
  const manager = new DatabaseAccountManager({
    database,
    belongings,
    htpasswd,
    clock: rowClock,
    passwordCost,
  })
  const close = async (): Promise<void> => {
    if (options.guard === undefined) await guard.close()
  }
  const secretParts = { database, belongings, clock: rowClock }
  return {
    ...createCredentialChecks(options, { authenticator, clock: rowClock }),
    tokens: createTokenManager(secretParts),
    robots: createRobotManager({
      ...secretParts,
      hasLine: async (name) => (await htpasswd.find(name)) !== undefined,
    }),
    add: (account) => manager.add(account),
    setPassword: (name, password) => manager.setPassword(name, password),
    remove: (name, options) => manager.remove(name, options),
    findRepositories: (name) => manager.findRepositories(name),
    releaseNames: (names) => manager.releaseNames(names),
    setDisabled: (name, isDisabled) => manager.setDisabled(name, isDisabled),
    list: () => manager.list(),
    isEmpty: () => manager.isEmpty(),
    htpasswdStatus: async () => (htpasswdFile === undefined ? undefined : htpasswd.status(htpasswdFile)),
    setHtpasswdFiles,
    syncDirectory: async () =>
      directory &&
      syncDirectory({
        database,
        directory: directory.persons,
        admit: (person) => admitPerson(person, { database, belongings, clock: rowClock, ...directory }),
        setDisabled: (name, isDisabled) => manager.setDisabled(name, isDisabled),
      }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The check of a credential by its form: a secret, an ID token, or else a password. */
function createCredentialChecks(
  options: AccountsOptions,
  { authenticator, clock }: { authenticator: Authenticator; clock: () => number },
): Authenticator {
  const { database, fetchDocument = refuseFetch, audiences = async () => [] } = options
  const { onIssuerFailure = () => {} } = options
  const secrets = createSecretCheck(database, clock)
  const workloads = createWorkloadCheck({ database, clock, fetchDocument, onIssuerFailure, audiences })
  return {
    async verifyPassword(name, password, remoteAddress) {
      if (isSecret(password)) return secrets.verify({ name, secret: password, remoteAddress })
      if (isIdToken(password)) return workloads.verify({ name, token: password, remoteAddress })
      return name === undefined ? undefined : authenticator.verifyPassword(name, password, remoteAddress)
    },
    findEnabled(name, credential) {
      if (credential === undefined) return authenticator.findEnabled(name)
      const check = isTrustCredential(credential) ? workloads : secrets
      return check.find(name, credential)
    },
  }
}

async function refuseFetch(): Promise<never> {
  throw new Error('this process fetches none')
}

function createAuthenticator(
  parts: Pick<AccountsOptions, 'database' | 'belongings' | 'directory'> & {
    htpasswd: HtpasswdFiles
    guard: LoginGuard
    passwordCost: PasswordCost
    clock: () => number
  },
): Authenticator {
  const { database, htpasswd, guard, directory, passwordCost: cost } = parts
  const { verifier } = guard
  const find = createAccountLookup(database, htpasswd)
  const local = new PasswordAuthenticator({
    scope: 'registry',
    find,
    check: async ({ known, password }) => {
      const costliest = await htpasswd.costliest()
      return (await checkPassword(known, password, { verifier, costliest, cost }))
        ? known?.account
        : undefined
    },
    cache: guard.cache,
    throttle: guard.throttle,
    queue: guard.queue,
  })
  if (directory === undefined) return local
  const { persons, adminGroup, onTrouble } = directory
  const admit = (person: DirectoryPerson) => admitPerson(person, { ...parts, adminGroup })
  return addDirectory(local, { directory: persons, find, admit, guard, cost, onTrouble })
}
