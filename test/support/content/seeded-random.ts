import { createCipheriv, createHash } from 'node:crypto'

/** Numbers and bytes that depend on a seed alone (mulberry32; AES in counter mode for bytes). */
export class SeededRandom {
  readonly #seed: string
  #state: number
  #forks = 0

  constructor(seed: string) {
    this.#seed = seed
    this.#state = createHash('sha256').update(seed).digest().readUInt32LE(0)
  }

  /** From 0 up to, but not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  /** True in this share of all cases. */
  chance(share: number): boolean {
    return this.next() < share
  }

  /** One of them; undefined if there are none. */
  pick<T>(choices: readonly T[]): T | undefined {
    return choices[Math.floor(this.next() * choices.length)]
  }

  /** The same things in another order. */
  shuffle<T>(things: readonly T[]): T[] {
    const keyed = things.map((thing) => ({ thing, key: this.next() }))
    return keyed.sort((a, b) => a.key - b.key).map(({ thing }) => thing)
  }

  /** A generator of its own, whose numbers do not depend on how this one is used later. */
  fork(): SeededRandom {
    return new SeededRandom(`${this.#seed}/${this.#forks++}`)
  }
}

/** Unique bytes made from a name: the same name gives the same bytes. */
export function seededBytes(name: string, length: number): Buffer {
  const key = createHash('sha256').update(name).digest()
  const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16, 32))
  return cipher.update(Buffer.alloc(length))
}
