import type { Account, Authenticator } from '../accounts.ts'
import type { AttemptThrottle } from '../guesses/attempt-throttle.ts'
import { MAX_HTPASSWD_NAME_BYTES } from '../htpasswd/htpasswd-format.ts'
import { isPossiblePassword } from '../passwords/password-rules.ts'
import type { AccountLookup, KnownAccount } from '../users/account-lookup.ts'
import type { CredentialCache } from './credential-cache.ts'
import type { HashQueue } from './hash-queue.ts'

/** Dependencies of an authenticator. */
interface AuthenticatorParts {
  /** Prefix that separates the same names of different sources; holds no control characters. */
  readonly scope: string
  readonly find: AccountLookup
  /** The account if the password is its own, perhaps one made just now; takes as long without an account. */
  readonly check: (login: Login) => Promise<Account | undefined>
  /**
   * False: wrong credentials are checked again each time, as they may be right a moment later without a new version of
   * the account. By default true.
   */
  readonly remembersWrong?: boolean
  readonly cache: CredentialCache
  readonly throttle: AttemptThrottle
  readonly queue: HashQueue
}

/** Credentials, and the account of their name. */
export interface Login {
  readonly name: string
  readonly password: string
  /** The account at the begin of the attempt; undefined if there was none. */
  readonly known: KnownAccount | undefined
}

interface Attempt extends Login {
  readonly remoteAddress: string | undefined
  /** Key of name and password in the cache. */
  readonly key: string
}

const CONTROL_CHARACTER = /\p{Cc}/u

/**
 * Checks credentials: from memory where possible, else by one hash for all equal attempts at the same time.
 *
 * The account is read once for each attempt, at its begin, so a change counts with the next one. Credentials that were
 * right before are not delayed by others' failures with the same name, nor by a queue full of guesses.
 */
export class PasswordAuthenticator implements Authenticator {
  readonly #parts: AuthenticatorParts
  /** Checks under way, by key and version of the account; the queue and the throttle bound them. */
  readonly #underWay = new Map<string, Promise<Account | undefined>>()

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts
  }

  async verifyPassword(
    name: string | undefined,
    password: string,
    remoteAddress?: string | undefined,
  ): Promise<Account | undefined> {
    if (name === undefined || !isPossibleName(name) || !isPossiblePassword(password)) return undefined
    const { cache, scope, find, throttle } = this.#parts
    const key = cache.deriveKey(`${scope}\0${name}`, password)
    const known = await find(name)
    const account = toEnabled(known)
    const state = cache.get(key, account?.version)
    if (state === 'wrong') return undefined
    const isFresh = account !== undefined && state === 'fresh'
    const attempt = { name, password, remoteAddress, key, known }
    const found = isFresh ? account : await this.#checkOnce(attempt, state === 'known')
    // Equal attempts from several addresses share one check, and remembered credentials need none.
    if (found) await throttle.noteRight({ name: `${scope}\0${name}`, remoteAddress })
    return found
  }

  async findEnabled(name: string): Promise<Account | undefined> {
    return toEnabled(await this.#parts.find(name))
  }

  /** One check for all equal attempts at the same version of an account: another version may have another password. */
  #checkOnce(attempt: Attempt, wasRight: boolean): Promise<Account | undefined> {
    const { name, remoteAddress, key, known } = attempt
    const id = `${key} ${known?.account.version ?? ''}`
    const underWay = this.#underWay.get(id)
    if (underWay !== undefined) return underWay
    const { throttle, queue, scope } = this.#parts
    const enqueue = (turn: { first: boolean }) => queue.run(() => this.#check(attempt), turn)
    const result = wasRight
      ? enqueue({ first: true })
      : throttle.run({ name: `${scope}\0${name}`, remoteAddress, key }, enqueue)
    const forgotten = result.finally(() => this.#underWay.delete(id))
    this.#underWay.set(id, forgotten)
    return forgotten
  }

  async #check({ name, known, password, key }: Attempt): Promise<Account | undefined> {
    const { check, cache, remembersWrong = true } = this.#parts
    const account = await check({ name, known, password })
    // A disabled account is not remembered: it may be enabled again with the same password.
    if (known?.account.isDisabled) return undefined
    if (account !== undefined || remembersWrong)
      cache.add(key, (account ?? known?.account)?.version, account !== undefined)
    return account
  }
}

/** The account if it may log in. */
function toEnabled(known: KnownAccount | undefined): Account | undefined {
  return known?.account.isDisabled ? undefined : known?.account
}

/** False for a name that no account can have. */
function isPossibleName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= MAX_HTPASSWD_NAME_BYTES && !CONTROL_CHARACTER.test(name)
}
