/** One holder gets at most 75 % of a shared amount: alone that is nearly all, and others are never shut out. */
export const LARGEST_SHARE = 3 / 4

/** Counts the amount of each holder, so that none has more than its share. */
export class FairShare {
  readonly #most: number
  readonly #held = new Map<string, number>()

  /** @param total Amount shared by all holders. */
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

  /** Returns an amount; a holder without any is forgotten. */
  give(holder: string, amount: number): void {
    const held = (this.#held.get(holder) ?? 0) - amount
    if (held > 0) this.#held.set(holder, held)
    else this.#held.delete(holder)
  }
}
