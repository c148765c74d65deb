/** Quick requests to one webhook at once, each of another repository. */
const MAX_QUICK = 8
/** Time after which a request is slow, in milliseconds: another one takes its place among the quick ones. */
const SLOW_MS = 1_000
/** Requests to one webhook at once, slow ones included. */
const MAX_OF_ONE = 24
/** Further ones, for repositories of owners without a request under way: so one owner's cannot hold up all others. */
const MAX_FOR_OTHERS = 8

/** The repositories of one webhook that have a request under way. */
export class WebhookSlots {
  /** Time at which the request of each began. */
  readonly #startedAt = new Map<string, number>()

  get repositories(): string[] {
    return [...this.#startedAt.keys()]
  }

  get size(): number {
    return this.#startedAt.size
  }

  /** First parts of the names of those repositories. */
  get owners(): string[] {
    return [...new Set(this.repositories.map(ownerOf))]
  }

  /** Notes that a request of a repository begins now. */
  begin(repository: string): void {
    this.#startedAt.set(repository, performance.now())
  }

  end(repository: string): void {
    this.#startedAt.delete(repository)
  }

  /** Requests that may begin for any repository; below 1: none. */
  countFree(): number {
    return Math.min(MAX_QUICK - this.#countQuick(), MAX_OF_ONE - this.size)
  }

  /** Requests that may begin for repositories of owners without one; below 1: none. */
  countFreeForOthers(): number {
    const free = MAX_OF_ONE + MAX_FOR_OTHERS - this.size
    return Math.min(MAX_QUICK + MAX_FOR_OTHERS - this.#countQuick(), free)
  }

  #countQuick(): number {
    const slowFrom = performance.now() - SLOW_MS
    return [...this.#startedAt.values()].filter((startedAt) => startedAt > slowFrom).length
  }
}

/** The first part of a repository's name. */
export function ownerOf(repository: string): string {
  return repository.split('/', 1)[0] ?? repository
}
