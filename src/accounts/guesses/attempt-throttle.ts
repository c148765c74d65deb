import { AccountError } from '../accounts.ts'
import { addressBlock } from './address-block.ts'
import { AddressBudget } from './address-budget.ts'
import { FailureCounts } from './failure-counts.ts'
import type { LoginPlaces } from './login-places.ts'
import { RefusedLogins } from './refused-logins.ts'

/** Failures of one name from one address without a wait there: people mistype, scripts go on for ever. */
const FREE_FAILURES = 10
/**
 * Failures of one name from all addresses before it waits at those it never logged in from: many may guess together.
 */
const FREE_FAILURES_OF_NAME = 50
/**
 * Checks of one name at once, from one address and from all: guesses at one name must not fill the queue for others.
 */
const MAX_CHECKS_AT_ONCE = 4
const MAX_CHECKS_OF_NAME_AT_ONCE = 8
/** Address of loopback, which is a proxy or the machine itself, and of clients without one. */
const LOCAL = 'local'

/** An attempt to log in. */
interface LoginAttempt {
  /** The name, within the scope it belongs to. */
  readonly name: string
  readonly remoteAddress: string | undefined
  /** Keyed hash of name and password; the same in all processes that check the same accounts. */
  readonly key: string
}

/** Outcome of an attempt, which other processes that check the same accounts count as well. */
export type ThrottleNews =
  | {
      readonly kind: 'checked'
      readonly name: string
      readonly remoteAddress: string | undefined
      readonly hasFailed: boolean
    }
  | { readonly kind: 'refused'; readonly key: string }
  /** Refused credentials were repeated, and were let through to a check. */
  | { readonly kind: 'returned'; readonly name: string; readonly remoteAddress: string | undefined }

/** Dependencies of a throttle. */
interface ThrottleParts {
  readonly clock: () => number
  /** Sends news to other processes; checks of the same moment there do not wait for it. */
  readonly relay?: ((news: ThrottleNews) => void) | undefined
  /** Addresses from which names have logged in before; undefined: unknown. */
  readonly places?: LoginPlaces | undefined
}

/**
 * Slows down guessing at one account from one address, at one account from many, and at many from one (by an {@link
 * AddressBudget}). Guesses cannot lock out the owner: failures elsewhere do not delay an address that the name has
 * logged in from, and credentials that were refused unchecked have turns of their own when they are repeated ({@link
 * RefusedLogins}).
 */
export class AttemptThrottle {
  readonly #ofPlaces: FailureCounts
  readonly #ofNames: FailureCounts
  readonly #addresses: AddressBudget
  readonly #refused: RefusedLogins
  readonly #checks = new Map<string, number>()
  readonly #relay: (news: ThrottleNews) => void
  readonly #places: LoginPlaces | undefined

  constructor({ clock, relay = () => {}, places }: ThrottleParts) {
    this.#ofPlaces = new FailureCounts({ clock, free: FREE_FAILURES })
    this.#ofNames = new FailureCounts({ clock, free: FREE_FAILURES_OF_NAME })
    this.#addresses = new AddressBudget(clock)
    this.#refused = new RefusedLogins(clock)
    this.#relay = relay
    this.#places = places
  }

  /**
   * Runs a check, and counts it if it fails. An unknown name is counted like any other. `check` gets `first` if it must
   * not wait behind guesses. Errors: `AccountError` `TOO_MANY_ATTEMPTS` if this name or address has to wait; then
   * nothing was checked.
   */
  async run<T>(
    attempt: LoginAttempt,
    check: (turn: { first: boolean }) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const isPlaceKnown = await this.#isPlaceKnown(attempt)
    // Also if the throttle does not refuse it now: the queue may have, and would again.
    const first = this.#comesBack(attempt)
    const refusal = first ? undefined : this.#findRefusal(attempt, isPlaceKnown)
    if (refusal) throw this.#refuse(attempt, refusal)
    if (!first) this.#addresses.charge(attempt.remoteAddress)
    let hasFailed = false
    const keys = [placeOf(attempt), attempt.name]
    for (const key of keys) this.#checks.set(key, (this.#checks.get(key) ?? 0) + 1)
    try {
      const result = await check({ first })
      hasFailed = result === undefined
      this.#end(attempt, hasFailed)
      if (!hasFailed) await this.noteRight(attempt)
      return result
    } catch (error) {
      if (error instanceof AccountError) this.#remember(attempt)
      throw error
    } finally {
      for (const key of keys) this.#endCheck(key)
      if (!hasFailed && !first) this.#addresses.giveBack(attempt.remoteAddress)
    }
  }

  /** Remembers where a name has logged in from, whether its credentials were checked now or before. */
  async noteRight(login: Pick<LoginAttempt, 'name' | 'remoteAddress'>): Promise<void> {
    await this.#places?.add(login.name, blockOf(login))
  }

  /** Counts the outcome from another process. */
  note(news: ThrottleNews): void {
    switch (news.kind) {
      case 'checked':
        this.#count(news, news.hasFailed)
        if (news.hasFailed) this.#addresses.charge(news.remoteAddress)
        break
      case 'refused':
        this.#refused.remember(news.key)
        break
      case 'returned':
        this.#refused.noteTurn({ name: news.name, block: addressBlock(news.remoteAddress ?? '') })
        break
      default:
        news satisfies never
    }
  }

  /** Looked up only if the result matters. */
  async #isPlaceKnown(attempt: LoginAttempt): Promise<boolean> {
    if (this.#waitOfName(attempt.name) === 0 || !this.#places) return false
    return this.#places.has(attempt.name, blockOf(attempt))
  }

  #findRefusal(attempt: LoginAttempt, isPlaceKnown: boolean): AccountError | undefined {
    const place = placeOf(attempt)
    const waitMs = Math.max(this.#ofPlaces.waitMs(place), isPlaceKnown ? 0 : this.#waitOfName(attempt.name))
    if (waitMs > 0) return this.#tooMany(attempt, waitMs, 'with this name')
    // All those under way may fail: together they must not exceed the free failures.
    const room = Math.max(1, this.#ofPlaces.room(place))
    if ((this.#checks.get(place) ?? 0) >= Math.min(room, MAX_CHECKS_AT_ONCE)) {
      return this.#tooMany(attempt, 1_000, 'with this name')
    }
    const addressWaitMs = this.#addresses.waitMs(attempt.remoteAddress)
    return addressWaitMs > 0 ? this.#tooMany(attempt, addressWaitMs, 'from this address') : undefined
  }

  #waitOfName(name: string): number {
    const isBusy = (this.#checks.get(name) ?? 0) >= MAX_CHECKS_OF_NAME_AT_ONCE
    return Math.max(this.#ofNames.waitMs(name), isBusy ? 1_000 : 0)
  }

  #comesBack(attempt: LoginAttempt): boolean {
    const { name, remoteAddress, key } = attempt
    if (!this.#refused.take({ name, block: addressBlock(remoteAddress ?? ''), key })) return false
    this.#relay({ kind: 'returned', name, remoteAddress })
    return true
  }

  #refuse(attempt: LoginAttempt, refusal: AccountError): AccountError {
    this.#remember(attempt)
    return refusal
  }

  #remember({ key }: LoginAttempt): void {
    if (this.#refused.remember(key)) this.#relay({ kind: 'refused', key })
  }

  #end(attempt: LoginAttempt, hasFailed: boolean): void {
    const { name, remoteAddress } = attempt
    if (hasFailed || this.#ofPlaces.has(placeOf(attempt))) {
      this.#relay({ kind: 'checked', name, remoteAddress, hasFailed })
    }
    this.#count(attempt, hasFailed)
  }

  #count(login: Pick<LoginAttempt, 'name' | 'remoteAddress'>, hasFailed: boolean): void {
    if (!hasFailed) {
      this.#ofPlaces.forget(placeOf(login))
      this.#refused.forgetPlace({ name: login.name, block: addressBlock(login.remoteAddress ?? '') })
      return
    }
    this.#ofPlaces.add(placeOf(login))
    this.#ofNames.add(login.name)
  }

  /** Repeated credentials may be checked sooner than others. */
  #tooMany({ name, remoteAddress }: LoginAttempt, waitMs: number, where: string): AccountError {
    const returnMs = this.#refused.waitMs({ name, block: addressBlock(remoteAddress ?? '') })
    const retryAfterS = Math.max(1, Math.ceil(Math.min(waitMs, returnMs) / 1_000))
    return new AccountError('TOO_MANY_ATTEMPTS', `Too many failed log-ins ${where}`, retryAfterS)
  }

  #endCheck(key: string): void {
    const left = (this.#checks.get(key) ?? 0) - 1
    if (left > 0) this.#checks.set(key, left)
    else this.#checks.delete(key)
  }
}

function blockOf({ remoteAddress }: Pick<LoginAttempt, 'remoteAddress'>): string {
  return addressBlock(remoteAddress ?? '') ?? LOCAL
}

/** Key for a name at an address. Neither holds a zero besides the one after the name's scope, so it is unique. */
function placeOf(login: Pick<LoginAttempt, 'name' | 'remoteAddress'>): string {
  return `${login.name}\0${blockOf(login)}`
}
