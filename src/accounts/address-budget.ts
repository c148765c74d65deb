import { addressBlock } from './address-block.ts'

/** Failures of one address before it has to wait: a whole office may sit behind it. */
const FREE_FAILURES = 100
/** Until one failure is forgotten, in milliseconds: also the longest that anybody behind the address is made to wait. */
const FORGET_ONE_MS = 6_000
/** Addresses remembered, at about 200 bytes; the one that failed longest ago goes first. */
const MAX_ADDRESSES = 10_000

interface Debt {
  /** Failures not forgotten yet, those under way included, at that time. */
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

  /** Takes one attempt. Gives the seconds to wait if there is none left, else undefined. */
  take(address: string | undefined): number | undefined {
    const block = address && addressBlock(address)
    if (!block) return undefined
    const failures = this.#failuresOf(block)
    if (failures + 1 > FREE_FAILURES) {
      return Math.max(1, Math.ceil(((failures + 1 - FREE_FAILURES) * FORGET_ONE_MS) / 1_000))
    }
    this.#set(block, failures + 1)
    return undefined
  }

  /** Gives an attempt back that did not fail. */
  giveBack(address: string | undefined): void {
    const block = address && addressBlock(address)
    if (block) this.#set(block, this.#failuresOf(block) - 1)
  }

  #failuresOf(block: string): number {
    const debt = this.#debts.get(block)
    if (!debt) return 0
    return Math.max(0, debt.failures - Math.max(0, this.#clock() - debt.atMs) / FORGET_ONE_MS)
  }

  #set(block: string, failures: number): void {
    this.#debts.delete(block)
    if (failures <= 0) return
    this.#debts.set(block, { failures, atMs: this.#clock() })
    if (this.#debts.size <= MAX_ADDRESSES) return
    for (const oldest of this.#debts.keys()) {
      this.#debts.delete(oldest)
      return
    }
  }
}
