import { addressBlock } from './address-block.ts'

/** Failures of one address before it has to wait: a whole office may sit behind it. */
const FREE_FAILURES = 100
/** Time after which one failure is forgotten, in milliseconds: also the longest wait of any client of the address. */
const FORGET_ONE_MS = 6_000
/** Addresses remembered, at about 200 bytes; the one that failed longest ago goes first. */
const MAX_ADDRESSES = 10_000

interface Debt {
  /** Failures not forgotten yet at that time, those under way included. */
  readonly failures: number
  readonly atMs: number
}

/**
 * Counts failures by address, so that one client cannot go through all names with one guess each.
 *
 * Each address (of IPv6: each /64) has {@link FREE_FAILURES}, and gets one back every {@link FORGET_ONE_MS}. A success
 * neither costs nor gives back anything.
 */
export class AddressBudget {
  readonly #debts = new Map<string, Debt>()
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Milliseconds to wait until an attempt of this address may be made; 0: now. */
  waitMs(address: string | undefined): number {
    const block = address && addressBlock(address)
    if (!block) return 0
    return Math.max(0, this.#countFailures(block) + 1 - FREE_FAILURES) * FORGET_ONE_MS
  }

  /** Counts an attempt of this address. */
  charge(address: string | undefined): void {
    const block = address && addressBlock(address)
    if (block) this.#set(block, this.#countFailures(block) + 1)
  }

  /** Gives an attempt back that did not fail. */
  giveBack(address: string | undefined): void {
    const block = address && addressBlock(address)
    if (block) this.#set(block, this.#countFailures(block) - 1)
  }

  #countFailures(block: string): number {
    const debt = this.#debts.get(block)
    if (!debt) return 0
    return Math.max(0, debt.failures - Math.max(0, this.#clock() - debt.atMs) / FORGET_ONE_MS)
  }

  #set(block: string, failures: number): void {
    this.#debts.delete(block)
    if (failures <= 0) return
    // Bounded, so that the wait is, too: other processes may count beyond it.
    this.#debts.set(block, { failures: Math.min(failures, FREE_FAILURES), atMs: this.#clock() })
    if (this.#debts.size <= MAX_ADDRESSES) return
    for (const oldest of this.#debts.keys()) {
      this.#debts.delete(oldest)
      return
    }
  }
}
