import type { Database } from '../metadata/database.ts'
import { createAccountLookup } from './account-lookup.ts'
import { type AccountManagerParts, DatabaseAccountManager } from './account-manager.ts'
import type { AccountManager, Authenticator } from './accounts.ts'
import { AttemptThrottle } from './attempt-throttle.ts'
import { PasswordAuthenticator } from './authenticator.ts'
import { BcryptVerifier } from './bcrypt.ts'
import { CredentialCache } from './credential-cache.ts'
import { HashQueue } from './hash-queue.ts'
import { HtpasswdFile, type HtpasswdStatus } from './htpasswd-file.ts'
import { checkPassword } from './password-check.ts'

/** What accounts are made of. */
export interface AccountsOptions {
  readonly database: Database
  /** Further accounts, in Apache's htpasswd format; undefined: none. */
  readonly htpasswdFile: string | undefined
  /** Told of each htpasswd file that was read, and of each new problem with it. */
  readonly onHtpasswdChange?: (status: HtpasswdStatus) => void
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

/** The accounts of one Berth, for checking and for managing. */
export interface Accounts extends Authenticator, AccountManager, AsyncDisposable {
  /** How it stands with the htpasswd file; undefined without one. Ask at start, to refuse a file that cannot be read. */
  htpasswdStatus(): Promise<HtpasswdStatus | undefined>
  /** Ends the thread that checks bcrypt, if it runs. The database is the caller's to close. */
  close(): Promise<void>
}

/** Makes the accounts over a database and, if there is one, an htpasswd file. Reads nothing yet. */
export function createAccounts(options: AccountsOptions): Accounts {
  const { database, clock = Date.now } = options
  const htpasswd = openHtpasswd(options, clock)
  const verifier = new BcryptVerifier()
  const authenticator = createAuthenticator({ database, htpasswd, verifier, clock })
  const manager = new DatabaseAccountManager({ database, htpasswd, clock })
  const close = (): Promise<void> => verifier.close()
  return {
    verifyPassword: (name, password) => authenticator.verifyPassword(name, password),
    findEnabled: (name) => authenticator.findEnabled(name),
    add: (account) => manager.add(account),
    setPassword: (name, password) => manager.setPassword(name, password),
    remove: (name) => manager.remove(name),
    setDisabled: (name, isDisabled) => manager.setDisabled(name, isDisabled),
    list: () => manager.list(),
    isEmpty: () => manager.isEmpty(),
    htpasswdStatus: async () => htpasswd?.status(),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function createAuthenticator(parts: AccountManagerParts & { verifier: BcryptVerifier }): Authenticator {
  const { database, htpasswd, verifier, clock } = parts
  return new PasswordAuthenticator({
    find: createAccountLookup(database, htpasswd),
    check: async (known, password) => {
      const content = await htpasswd?.current()
      return checkPassword(known, password, { verifier, highestCost: content?.highestCost })
    },
    cache: new CredentialCache(clock),
    throttle: new AttemptThrottle(clock),
    queue: new HashQueue(),
  })
}

function openHtpasswd(options: AccountsOptions, clock: () => number): HtpasswdFile | undefined {
  const { htpasswdFile: path, onHtpasswdChange: onChange = () => {} } = options
  return path === undefined ? undefined : new HtpasswdFile({ path, clock, onChange })
}
