/** Of what all share, one holder has three quarters at most: alone it hardly feels that, and others are never shut out. */
export const LARGEST_SHARE = 3 / 4

/** Counts how much of something each holder has, so that none has more than its share. */
export class FairShare {
  readonly #most: number
  readonly #held = new Map<string, number>()

  /** @param total What all holders share. */
  constructor(total: number) {
    this.#most = total * LARGEST_SHARE
  }

  /** False, and nothing is taken, if the holder would have more than its share. */
  take(holder: string, amount: number): boolean {
    const held = (this.#held.get(holder) ?? 0) + amount
    if (held > this.#most) return false
    this.#held.set(holder, held)
    return true
  }

  /** Gives back what was taken; of who holds nothing, nothing is remembered. */
  give(holder: string, amount: number): void {
    const held = (this.#held.get(holder) ?? 0) - amount
    if (held > 0) this.#held.set(holder, held)
    else this.#held.delete(holder)
  }
}
