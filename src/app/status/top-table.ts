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
/** Half-lives after which the weights begin at 1 again, some four hours: 2 ** 1024 is beyond a number. */
const MAX_HALF_LIVES = 500

/** Sums in which a later request has more weight, instead of a decay of the earlier ones: their order never changes by time. */
interface Count {
  name: string
  requests: number
  bytes: number
  failures: number
  /** Requests that may be those of names whose place it took. */
  excess: number
  /** Place in the heap. */
  place: number
}

/** A request to count. */
interface CountedRequest {
  readonly bytes: number
  /** True if its status is 500 or more. */
  readonly hasFailed: boolean
  /** Milliseconds. */
  readonly now: number
}

/** A name with what it does per second, lately. */
export interface Ranked {
  readonly name: string
  readonly requestsPerSecond: number
  readonly bytesPerSecond: number
  /** Answers with a status from 500 on. */
  readonly failuresPerSecond: number
  /** Part of the requests that may belong to other names, as the table was full. */
  readonly excessPerSecond: number
}

/**
 * The names with the most requests, in bounded memory: the "space saving" count of Metwally, Agrawal and El Abbadi, with
 * counts that halve every thirty seconds. A new name takes the place of the least one, and its count as `excess`. The
 * counts are a binary heap with the least at the top: a request moves a count down by some 8 places at most.
 */
export class TopTable {
  readonly #counts = new Map<string, Count>()
  readonly #heap: Count[] = []
  /** Time at which a request has the weight 1. */
  #base = 0

  /** Counts a request. */
  add(name: string, { bytes, hasFailed, now }: CountedRequest): void {
    const key = name.slice(0, MAX_NAME_LENGTH)
    const weight = this.#weigh(now)
    const count = this.#counts.get(key) ?? this.#make(key)
    count.requests += weight
    count.bytes += weight * bytes
    if (hasFailed) count.failures += weight
    this.#moveDown(count)
  }

  /** Those with the most bytes first, then with the most requests. */
  list(now: number): Ranked[] {
    const weight = this.#weigh(now)
    const perSecond = (value: number): number => (value / weight) * PER_MS * 1000
    return this.#heap
      .map(({ name, requests, bytes, failures, excess }) => ({
        name,
        requestsPerSecond: perSecond(requests),
        bytesPerSecond: perSecond(bytes),
        failuresPerSecond: perSecond(failures),
        excessPerSecond: perSecond(excess),
      }))
      .sort((a, b) => b.bytesPerSecond - a.bytesPerSecond || b.requestsPerSecond - a.requestsPerSecond)
      .slice(0, MAX_LISTED)
  }

  /** Weight of a request at a time. */
  #weigh(now: number): number {
    const halfLives = (now - this.#base) / HALF_LIFE_MS
    if (halfLives <= MAX_HALF_LIVES) return 2 ** halfLives
    const factor = 0.5 ** halfLives
    for (const count of this.#heap) {
      count.requests *= factor
      count.bytes *= factor
      count.failures *= factor
      count.excess *= factor
    }
    this.#base = now
    return 1
  }

  /** A count without requests of its own, which is the least one. */
  #make(name: string): Count {
    const least = this.#heap[0]
    const isFull = least !== undefined && this.#heap.length >= MAX_NAMES
    if (isFull) this.#counts.delete(least.name)
    const excess = isFull ? least.requests : 0
    const count = { name, requests: excess, bytes: 0, failures: 0, excess, place: 0 }
    this.#counts.set(name, count)
    if (isFull) this.#heap[0] = count
    else this.#insertAtTop(count)
    return count
  }

  /** Moves the counts on the way from the top to the first free place down by one each. */
  #insertAtTop(count: Count): void {
    let place = this.#heap.length
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#heap[above]
      if (parent) this.#put(parent, place)
      place = above
    }
    this.#put(count, 0)
  }

  #moveDown(count: Count): void {
    for (;;) {
      const { place } = count
      const left = this.#heap[2 * place + 1]
      const right = this.#heap[2 * place + 2]
      const least = left && right && right.requests < left.requests ? right : left
      if (!least || least.requests >= count.requests) return
      const below = least.place
      this.#put(least, place)
      this.#put(count, below)
    }
  }

  #put(count: Count, place: number): void {
    count.place = place
    this.#heap[place] = count
  }
}
