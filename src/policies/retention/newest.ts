import { compareVersions, type Version } from './version.ts'

/**
 * The newest images of many that are counted one after the other, in memory for `limit` of them. An image may be counted
 * again, with another time: its latest one counts.
 */
export class NewestImages {
  readonly #limit: number
  readonly #times = new Map<string, number>()
  /** By time, then digest; the oldest first. */
  readonly #sorted: RankedImage[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  count(digest: string, time: number): void {
    const known = this.#times.get(digest)
    if (known !== undefined) {
      if (known >= time) return
      this.#sorted.splice(findPlace(this.#sorted, { digest, time: known }, compareImages), 1)
    }
    this.#times.set(digest, time)
    this.#sorted.splice(findPlace(this.#sorted, { digest, time }, compareImages), 0, { digest, time })
    if (this.#sorted.length <= this.#limit) return
    const oldest = this.#sorted.shift()
    if (oldest) this.#times.delete(oldest.digest)
  }

  /** True if an image of this time is among the newest: one that was not counted, and is newer than one of them, too. */
  isAmong(digest: string, time: number): boolean {
    const oldest = this.#sorted[0]
    if (oldest === undefined || this.#sorted.length < this.#limit) return true
    return compareImages({ digest, time }, oldest) >= 0
  }
}

interface RankedImage {
  readonly digest: string
  readonly time: number
}

function compareImages(one: RankedImage, other: RankedImage): number {
  if (one.time !== other.time) return one.time - other.time
  if (one.digest === other.digest) return 0
  return one.digest < other.digest ? -1 : 1
}

/** The highest of many versions, in memory for `limit` of them. The same version counts once. */
export class HighestVersions {
  readonly #limit: number
  readonly #sorted: Version[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  count(version: Version): void {
    const place = findPlace(this.#sorted, version, compareVersions)
    const there = this.#sorted[place]
    if (there && compareVersions(there, version) === 0) return
    if (place === 0 && this.#sorted.length === this.#limit) return
    this.#sorted.splice(place, 0, version)
    if (this.#sorted.length > this.#limit) this.#sorted.shift()
  }

  /** True if a version is among the highest, or would be, had it been counted. */
  isAmong(version: Version): boolean {
    const lowest = this.#sorted[0]
    if (lowest === undefined || this.#sorted.length < this.#limit) return true
    return compareVersions(version, lowest) >= 0
  }
}

/** Index of the first value that is not before `wanted`. */
function findPlace<T>(sorted: readonly T[], wanted: T, compare: (one: T, other: T) => number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const value = sorted[middle]
    if (value !== undefined && compare(value, wanted) < 0) low = middle + 1
    else high = middle
  }
  return low
}
