import { deleteFirst } from './failure-counts.ts'

/** Time between two checks of one name for repeated credentials, in milliseconds: 17,000 a day. */
const NAME_GAP_MS = 5_000
/** Time between two such checks from one address, in milliseconds: one client may repeat many names. */
const ADDRESS_GAP_MS = 1_000
/**
 * Time between the first two such checks of one name from one address, and the longest, in milliseconds. Each check
 * there doubles it: addresses that send each guess twice leave turns to the one with the right password.
 */
const PLACE_GAP_MS = 60_000
const MAX_PLACE_GAP_MS = 15 * 60_000
/** Refused credentials remembered, at about 150 bytes; the one refused longest ago goes first. */
const MAX_REFUSED = 16_384
/** Names, addresses, and pairs of them remembered; those whose last turn is longest ago go first. */
const MAX_SLOTS = 10_000

/** Owner of a turn. */
interface ReturningLogin {
  readonly name: string
  /** Undefined: not counted by address. */
  readonly block: string | undefined
  /** Keyed hash of name and password. */
  readonly key: string
}

/** Time of the last turn, and the time until the next, in milliseconds. */
interface Turn {
  readonly atMs: number
  readonly gapMs: number
}

/**
 * Remembers credentials that were refused without a check, and lets them through when they are repeated.
 *
 * A guesser sends another password each time; the owner sends the same one again. So these checks have turns of their
 * own, which guesses do not use up, and the right password gets through whatever else is tried with its name.
 */
export class RefusedLogins {
  readonly #refused = new Map<string, true>()
  readonly #turns = new Map<string, Turn>()
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

  /**
   * True, and the turn is taken, if these credentials were refused before and it is the turn of their name and address.
   */
  take(login: ReturningLogin): boolean {
    if (!this.#refused.has(login.key) || this.waitMs(login) > 0) return false
    this.#refused.delete(login.key)
    this.noteTurn(login)
    return true
  }

  /** Counts a turn that was taken here, or in another process. */
  noteTurn({ name, block }: Pick<ReturningLogin, 'name' | 'block'>): void {
    this.#setTurn(nameSlot(name), NAME_GAP_MS)
    if (block === undefined) return
    this.#setTurn(addressSlot(block), ADDRESS_GAP_MS)
    const slot = placeSlot(name, block)
    const before = this.#turns.get(slot)
    const isRecent = before !== undefined && this.#clock() - before.atMs < before.gapMs + MAX_PLACE_GAP_MS
    this.#setTurn(slot, isRecent ? Math.min(2 * before.gapMs, MAX_PLACE_GAP_MS) : PLACE_GAP_MS)
  }

  /** The password was right: its place is no guesser's. */
  forgetPlace({ name, block }: Pick<ReturningLogin, 'name' | 'block'>): void {
    if (block !== undefined) this.#turns.delete(placeSlot(name, block))
  }

  /** Milliseconds until repeated credentials of this name from this address are checked; 0: now. */
  waitMs({ name, block }: Pick<ReturningLogin, 'name' | 'block'>): number {
    const ofName = this.#turnWaitMs(nameSlot(name))
    if (block === undefined) return ofName
    return Math.max(ofName, this.#turnWaitMs(addressSlot(block)), this.#turnWaitMs(placeSlot(name, block)))
  }

  #turnWaitMs(slot: string): number {
    const last = this.#turns.get(slot)
    if (last === undefined) return 0
    const leftMs = last.atMs + last.gapMs - this.#clock()
    // Never longer than the gap, also after the clock was set back.
    return Math.min(Math.max(0, leftMs), last.gapMs)
  }

  #setTurn(slot: string, gapMs: number): void {
    this.#turns.delete(slot)
    this.#turns.set(slot, { atMs: this.#clock(), gapMs })
    if (this.#turns.size > MAX_SLOTS) deleteFirst(this.#turns)
  }
}

function nameSlot(name: string): string {
  return `name ${name}`
}

function addressSlot(block: string): string {
  return `address ${block}`
}

function placeSlot(name: string, block: string): string {
  return `place ${name}\0${block}`
}
