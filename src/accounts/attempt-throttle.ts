import { AccountError } from './accounts.ts'
import { AddressBudget } from './address-budget.ts'

/** Failures of one name before it has to wait: people mistype, scripts go on for ever. */
const FREE_FAILURES = 10
/** Failures older than this are forgotten, in milliseconds. */
const WINDOW_MS = 15 * 60_000
/** Longest wait after a failure, in seconds: a person who remembers at last is not kept out for long. */
const MAX_DELAY_S = 30
/** Checks of one name at once: a name that is guessed at must not fill the queue for others. */
const MAX_CHECKS_AT_ONCE = 4
/** Names remembered; the one that failed longest ago goes first. To drive one out takes as many failures, at a hash each. */
const MAX_NAMES = 10_000

interface Failures {
  readonly count: number
  readonly lastAtMs: number
}

/** How a check ended, as other processes that check the same accounts are told. */
export interface CheckedLogin {
  readonly name: string
  readonly remoteAddress: string | undefined
  readonly hasFailed: boolean
}

/** Tells other processes; what they check in the same moment is not held up. */
export type LoginRelay = (login: CheckedLogin) => void

/**
 * Slows down guessing at one account: after {@link FREE_FAILURES} failures each further one doubles the wait. Guessing
 * at many from one address is slowed down by an {@link AddressBudget}.
 */
export class AttemptThrottle {
  readonly #failures = new Map<string, Failures>()
  readonly #checks = new Map<string, number>()
  readonly #addresses: AddressBudget
  readonly #clock: () => number
  readonly #relay: LoginRelay | undefined

  constructor(clock: () => number, relay?: LoginRelay) {
    this.#clock = clock
    this.#relay = relay
    this.#addresses = new AddressBudget(clock)
  }

  /**
   * Runs a check of this name, asked for from an address, and counts it if it fails. An unknown name is counted like
   * any other; no address is counted nowhere.
   * Errors: `AccountError` `TOO_MANY_ATTEMPTS` if this name or address has to wait; then nothing was run.
   */
  async run<T>(
    name: string,
    check: () => Promise<T | undefined>,
    remoteAddress?: string | undefined,
  ): Promise<T | undefined> {
    const checksNow = this.#checks.get(name) ?? 0
    this.#refuseIfTooMany(name, checksNow)
    const waitS = this.#addresses.take(remoteAddress)
    if (waitS !== undefined) throw tooManyAttempts(waitS, 'from this address')
    this.#checks.set(name, checksNow + 1)
    let hasFailed = false
    try {
      const result = await check()
      hasFailed = result === undefined
      if (hasFailed || this.#failures.has(name)) this.#relay?.({ name, remoteAddress, hasFailed })
      this.#count(name, hasFailed)
      return result
    } finally {
      this.#endCheck(name)
      if (!hasFailed) this.#addresses.giveBack(remoteAddress)
    }
  }

  /** Counts what another process has checked. */
  note({ name, remoteAddress, hasFailed }: CheckedLogin): void {
    this.#count(name, hasFailed)
    if (hasFailed) this.#addresses.take(remoteAddress)
  }

  #count(name: string, hasFailed: boolean): void {
    if (hasFailed) this.#addFailure(name)
    else this.#failures.delete(name)
  }

  #refuseIfTooMany(name: string, checksNow: number): void {
    const failures = this.#recentFailures(name)
    const waitMs = failures ? failures.lastAtMs + delayMs(failures.count) - this.#clock() : 0
    if (waitMs > 0) throw tooManyAttempts(Math.ceil(waitMs / 1_000))
    // Those under way may all fail: together they must not go past what is free.
    const room = Math.max(1, FREE_FAILURES - (failures?.count ?? 0))
    if (checksNow >= Math.min(room, MAX_CHECKS_AT_ONCE)) throw tooManyAttempts(1)
  }

  #recentFailures(name: string): Failures | undefined {
    const failures = this.#failures.get(name)
    if (!failures || this.#clock() - failures.lastAtMs < WINDOW_MS) return failures
    this.#failures.delete(name)
    return undefined
  }

  #addFailure(name: string): void {
    const count = (this.#recentFailures(name)?.count ?? 0) + 1
    this.#failures.delete(name)
    this.#failures.set(name, { count, lastAtMs: this.#clock() })
    if (this.#failures.size <= MAX_NAMES) return
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest)
      return
    }
  }

  #endCheck(name: string): void {
    const left = (this.#checks.get(name) ?? 0) - 1
    if (left > 0) this.#checks.set(name, left)
    else this.#checks.delete(name)
  }
}

function delayMs(failures: number): number {
  return failures < FREE_FAILURES ? 0 : Math.min(2 ** (failures - FREE_FAILURES), MAX_DELAY_S) * 1_000
}

function tooManyAttempts(retryAfterS: number, where = 'with this name'): AccountError {
  return new AccountError('TOO_MANY_ATTEMPTS', `Too many failed log-ins ${where}`, retryAfterS)
}
