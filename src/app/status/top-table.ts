/** Names counted at once. Any name with more than one of so many parts of the whole is among them. */
const MAX_NAMES = 256
/** Names reported: a screen. */
const MAX_LISTED = 50
/** Length to which a name is kept, in characters: that of the longest repository. */
const MAX_NAME_LENGTH = 255
/** Time in which a count falls to half, in milliseconds: the order shows the last minute or so. */
const HALF_LIFE_MS = 30_000
/** Rate, per millisecond, of a count that adds up to 1 under that decay. */
const PER_MS = Math.LN2 / HALF_LIFE_MS

interface Count {
  requests: number
  bytes: number
  /** Requests that may be those of names whose place it took. */
  excess: number
  at: number
}

/** A name with what it does per second, lately. */
export interface Ranked {
  readonly name: string
  readonly requestsPerSecond: number
  readonly bytesPerSecond: number
  /** Part of the requests that may belong to other names, as the table was full. */
  readonly excessPerSecond: number
}

/**
 * The names with the most requests, in bounded memory: the "space saving" count of Metwally, Agrawal and El Abbadi, with
 * counts that halve every thirty seconds. A new name takes the place of the least one, and its count as `excess`.
 */
export class TopTable {
  readonly #counts = new Map<string, Count>()

  /** Counts a request. */
  add(name: string, { bytes, now }: { bytes: number; now: number }): void {
    const key = name.slice(0, MAX_NAME_LENGTH)
    const count = this.#counts.get(key) ?? this.#make(key, now)
    decay(count, now)
    count.requests++
    count.bytes += bytes
  }

  /** Those with the most bytes first, then with the most requests. */
  list(now: number): Ranked[] {
    return [...this.#counts]
      .map(([name, count]) => {
        decay(count, now)
        const perSecond = (value: number): number => value * PER_MS * 1000
        return {
          name,
          requestsPerSecond: perSecond(count.requests),
          bytesPerSecond: perSecond(count.bytes),
          excessPerSecond: perSecond(count.excess),
        }
      })
      .sort((a, b) => b.bytesPerSecond - a.bytesPerSecond || b.requestsPerSecond - a.requestsPerSecond)
      .slice(0, MAX_LISTED)
  }

  #make(name: string, now: number): Count {
    const excess = this.#counts.size < MAX_NAMES ? 0 : this.#removeLeast(now)
    const count = { requests: excess, bytes: 0, excess, at: now }
    this.#counts.set(name, count)
    return count
  }

  /** @returns its requests. */
  #removeLeast(now: number): number {
    let least: { name: string; requests: number } | undefined
    for (const [name, count] of this.#counts) {
      decay(count, now)
      if (!least || count.requests < least.requests) least = { name, requests: count.requests }
    }
    if (!least) return 0
    this.#counts.delete(least.name)
    return least.requests
  }
}

function decay(count: Count, now: number): void {
  const factor = 0.5 ** ((now - count.at) / HALF_LIFE_MS)
  count.requests *= factor
  count.bytes *= factor
  count.excess *= factor
  count.at = now
}
