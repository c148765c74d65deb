import { setTimeout as sleep } from 'node:timers/promises'
import { isAccountName } from '../../access/account-name.ts'
import { type Account, AccountError, type Authenticator } from '../accounts.ts'
import { type Directory, DirectoryError, type DirectoryPerson } from '../directory.ts'
import { type PasswordCost, spendPasswordCheck } from '../passwords/password-hash.ts'
import type { AccountLookup } from '../users/account-lookup.ts'
import { type Login, PasswordAuthenticator } from './authenticator.ts'
import { HashQueue } from './hash-queue.ts'
import type { LoginGuard } from './login-guard.ts'

/** Questions to the directory at once, and those that wait: one that does not answer holds up no local log-in. */
const QUEUE_BOUNDS = { maxRunning: 8, maxWaiting: 32, maxWaitingOfAll: 64 }
/**
 * A failure is answered no sooner, in milliseconds: a search in the directory takes tens of them, by which names of this
 * registry, which are not searched there, would show.
 */
const LEAST_FAILURE_MS = 300
/** Seconds after which a client may try again while the directory does not answer. */
const RETRY_AFTER_S = 5

/** Dependencies of log-ins by a directory. */
interface DirectoryLoginParts {
  readonly directory: Directory
  readonly find: AccountLookup
  /** The account of a person whose password was right. Errors: `AccountError` if it can have none. */
  readonly admit: (person: DirectoryPerson) => Promise<Account | undefined>
  readonly guard: LoginGuard
  /** Cost of a failure, as that of a password of this registry. */
  readonly cost: PasswordCost
  /** Called if a person cannot log in here although the password was right, and if the directory gives no answer. */
  readonly onTrouble: (name: string, error: AccountError | DirectoryError) => void
}

/**
 * Adds the persons of a directory to the accounts of this registry. A name that stands here, with a password of this
 * registry or in an htpasswd file, is never looked up there: nobody becomes another by a name in the directory.
 */
export function addDirectory(local: Authenticator, parts: DirectoryLoginParts): Authenticator {
  const { find, guard } = parts
  const persons = new PasswordAuthenticator({
    scope: 'directory',
    find,
    check: (login) => check(login, parts),
    // A new password in the directory gives the account no new version.
    remembersWrong: false,
    cache: guard.cache,
    throttle: guard.throttle,
    queue: new HashQueue(QUEUE_BOUNDS),
  })
  return {
    async verifyPassword(name, password, remoteAddress) {
      if (name === undefined) return undefined
      const startedAt = performance.now()
      const known = await find(name)
      const isPerson = known ? known.account.source === 'directory' : isAccountName(name)
      const found = await (isPerson ? persons : local).verifyPassword(name, password, remoteAddress)
      if (found === undefined)
        await sleep(Math.max(0, Math.ceil(startedAt + LEAST_FAILURE_MS - performance.now())))
      return found
    },
    findEnabled: (...subject) => local.findEnabled(...subject),
  }
}

async function check({ name, password }: Login, parts: DirectoryLoginParts): Promise<Account | undefined> {
  const { directory, admit, onTrouble, cost, guard } = parts
  try {
    const person = await directory.verify(name, password)
    if (person !== undefined) return await admit(person)
  } catch (error) {
    if (error instanceof AccountError) onTrouble(name, error)
    else if (error instanceof DirectoryError) {
      onTrouble(name, error)
      throw new AccountError('DIRECTORY_UNREACHABLE', error.message, RETRY_AFTER_S)
    } else throw error
  }
  // A wrong password of an account of this registry costs a hash: the time of an answer must not show which it is.
  await guard.queue.run(() => spendPasswordCheck(password, cost), { first: false })
  return undefined
}
