import { type UserPrincipal, userPrincipal } from '../access/principal.ts'
import type { AccountLookup, KnownAccount } from './account-lookup.ts'
import type { Account, Authenticator } from './accounts.ts'
import type { AttemptThrottle } from './attempt-throttle.ts'
import type { CredentialCache } from './credential-cache.ts'
import type { HashQueue } from './hash-queue.ts'
import { MAX_HTPASSWD_NAME_BYTES } from './htpasswd-format.ts'
import { isPossiblePassword } from './password-rules.ts'

/** What an authenticator is made of. */
export interface AuthenticatorParts {
  /** Keeps apart what is remembered of names that belong to different places; holds no control characters. */
  readonly scope: string
  readonly find: AccountLookup
  /** True if the password is the account's; takes as long for no account. */
  readonly check: (known: KnownAccount | undefined, password: string) => Promise<boolean>
  readonly cache: CredentialCache
  readonly throttle: AttemptThrottle
  readonly queue: HashQueue
}

interface Attempt {
  readonly name: string
  readonly password: string
  readonly remoteAddress: string | undefined
  /** Under which the cache keeps it. */
  readonly key: string
}

const CONTROL_CHARACTER = /\p{Cc}/u

/**
 * Checks credentials: from memory where it can, else by one hash for all who ask the same at once.
 *
 * The account is read each time, so a change counts at once. Credentials that were right before are not held up by
 * somebody else's failures with the same name, nor by a queue full of guesses.
 */
export class PasswordAuthenticator implements Authenticator {
  readonly #parts: AuthenticatorParts
  /** Checks under way, by key; the queue and the throttle bound them. */
  readonly #underWay = new Map<string, Promise<UserPrincipal | undefined>>()

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts
  }

  async verifyPassword(
    name: string,
    password: string,
    remoteAddress?: string | undefined,
  ): Promise<UserPrincipal | undefined> {
    if (!isPossibleName(name) || !isPossiblePassword(password)) return undefined
    const { cache, scope } = this.#parts
    const attempt = { name, password, remoteAddress, key: cache.keyOf(`${scope}\0${name}`, password) }
    const account = await this.findEnabled(name)
    const state = cache.get(attempt.key, account?.version)
    if (account && state === 'fresh') return userPrincipal(account, undefined)
    if (state === 'wrong') return undefined
    return this.#checkOnce(attempt, state === 'known')
  }

  async findEnabled(name: string): Promise<Account | undefined> {
    const known = await this.#parts.find(name)
    return known?.account.isDisabled ? undefined : known?.account
  }

  #checkOnce(attempt: Attempt, isKnown: boolean): Promise<UserPrincipal | undefined> {
    const underWay = this.#underWay.get(attempt.key)
    if (underWay !== undefined) return underWay
    const { throttle, queue, scope } = this.#parts
    const { name, remoteAddress } = attempt
    const enqueue = (turn: { first: boolean }) => queue.run(() => this.#check(attempt), turn)
    const result = isKnown
      ? enqueue({ first: true })
      : throttle.run({ name: `${scope}\0${name}`, remoteAddress, key: attempt.key }, enqueue)
    const forgotten = result.finally(() => this.#underWay.delete(attempt.key))
    this.#underWay.set(attempt.key, forgotten)
    return forgotten
  }

  async #check({ name, password, key }: Attempt): Promise<UserPrincipal | undefined> {
    const { find, check, cache } = this.#parts
    const known = await find(name)
    const matches = await check(known, password)
    // What was checked may have been changed meanwhile: only what is in force now counts.
    const account = await this.findEnabled(name)
    if (!matches) {
      if (known?.account.isDisabled !== true && account?.version === known?.account.version) {
        cache.add(key, account?.version, false)
      }
      return undefined
    }
    if (!account || account.version !== known?.account.version) return undefined
    cache.add(key, account.version, true)
    return userPrincipal(account, undefined)
  }
}

/** False for a name that no account can have. */
function isPossibleName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= MAX_HTPASSWD_NAME_BYTES && !CONTROL_CHARACTER.test(name)
}
