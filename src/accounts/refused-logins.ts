import { deleteFirst } from './failure-counts.ts'

/** Time between two checks of one name that are allowed because its credentials come back, in milliseconds: 17,000 a day. */
const NAME_GAP_MS = 5_000
/** Time between two such checks from one address, in milliseconds: one client may come back with many names. */
const ADDRESS_GAP_MS = 1_000
/** Refused credentials remembered, at about 150 bytes; the one refused longest ago goes first. */
const MAX_REFUSED = 16_384
/** Names and addresses remembered; those that were let in longest ago go first. */
const MAX_SLOTS = 10_000

/** Whose turn it is. */
export interface ReturningLogin {
  readonly name: string
  /** Undefined: not counted by address. */
  readonly block: string | undefined
  /** Keyed hash of name and password. */
  readonly key: string
}

/**
 * Remembers which credentials were refused without a check, and lets them in when they come back.
 *
 * Who guesses sends another password each time; who knows it sends the same one again. So these checks have turns of
 * their own, which guesses do not use up, and the right password gets through whatever else is tried with its name.
 */
export class RefusedLogins {
  readonly #refused = new Map<string, true>()
  readonly #slots = new Map<string, number>()
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** False if it was remembered already. */
  remember(key: string): boolean {
    if (this.#refused.has(key)) return false
    this.#refused.set(key, true)
    if (this.#refused.size > MAX_REFUSED) deleteFirst(this.#refused)
    return true
  }

  /** True, and the turn is taken, if these credentials were refused before and it is the turn of their name and address. */
  take(login: ReturningLogin): boolean {
    if (!this.#refused.has(login.key) || this.waitMs(login) > 0) return false
    this.#refused.delete(login.key)
    this.noteTurn(login)
    return true
  }

  /** A turn was taken here, or in another process. */
  noteTurn({ name, block }: Pick<ReturningLogin, 'name' | 'block'>): void {
    this.#setSlot(nameSlot(name))
    if (block !== undefined) this.#setSlot(addressSlot(block))
  }

  /** Milliseconds until credentials of this name that come back from this address are checked; 0: now. */
  waitMs({ name, block }: Pick<ReturningLogin, 'name' | 'block'>): number {
    const ofName = this.#slotWaitMs(nameSlot(name), NAME_GAP_MS)
    return block === undefined
      ? ofName
      : Math.max(ofName, this.#slotWaitMs(addressSlot(block), ADDRESS_GAP_MS))
  }

  #slotWaitMs(slot: string, gapMs: number): number {
    const lastMs = this.#slots.get(slot)
    if (lastMs === undefined) return 0
    const leftMs = lastMs + gapMs - this.#clock()
    // Nobody waits longer than the gap, also when the clock was set back.
    return Math.min(Math.max(0, leftMs), gapMs)
  }

  #setSlot(slot: string): void {
    this.#slots.delete(slot)
    this.#slots.set(slot, this.#clock())
    if (this.#slots.size > MAX_SLOTS) deleteFirst(this.#slots)
  }
}

function nameSlot(name: string): string {
  return `name ${name}`
}

function addressSlot(block: string): string {
  return `address ${block}`
}
