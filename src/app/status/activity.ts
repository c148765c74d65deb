import type { ListedTransfer } from '../../http/bounds/transfers.ts'
import type { AccessLine } from '../../log/access-line.ts'
import { type Ranked, TopTable } from './top-table.ts'

/** Seconds over which rates are taken: long enough to be steady, short enough to show what happens now. */
const RATE_SECONDS = 10

/** Requests and bytes of one second. */
interface Second {
  at: number
  requests: number
  failures: number
  sentBytes: number
  receivedBytes: number
}

/** Rates of the last seconds. */
interface Rates {
  readonly overSeconds: number
  readonly requests: number
  /** Answers with a status from 500 on. */
  readonly failures: number
  readonly sentBytes: number
  readonly receivedBytes: number
}

/** A kind of names that are ranked. */
export type TopKind = 'repository' | 'client' | 'site'

/** Requests and transfers of one process. */
export interface ProcessActivity {
  readonly pid: number
  readonly residentBytes: number
  readonly totalRequests: number
  /** Per second. A transfer counts once it has ended. */
  readonly rates: Rates
  readonly transfers: readonly ListedTransfer[]
  readonly top: Readonly<Record<TopKind, readonly Ranked[]>>
}

/** Counts the requests of this process for `berth status` and `berth top`, in bounded memory. */
export class Activity {
  readonly #seconds: Second[] = []
  readonly #repositories = new TopTable()
  readonly #clients = new TopTable()
  readonly #sites = new TopTable()
  #registrySite: string | undefined
  readonly #now: () => number
  #totalRequests = 0
  #listTransfers: () => ListedTransfer[] = () => []

  /** `now`: milliseconds of a clock that is never set. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Names the list of the transfers under way. */
  showTransfers(list: () => ListedTransfer[]): void {
    this.#listTransfers = list
  }

  /** Names the registry's own host among the sites. Without a front door it is the only one, and has no name. */
  nameRegistry(site: string): void {
    this.#registrySite = site
  }

  /** Counts a request of another site that is over. */
  noteSite({ status, bytes }: Pick<AccessLine, 'status' | 'bytes'>, site: string): void {
    this.#sites.add(site, { bytes, hasFailed: status >= 500, now: this.#now() })
  }

  /** Counts a request of the registry that is over. */
  note({ status, bytes, received, repository, remote }: AccessLine): void {
    const now = this.#now()
    const second = this.#second(Math.floor(now / 1000))
    this.#totalRequests++
    second.requests++
    if (status >= 500) second.failures++
    second.sentBytes += bytes
    second.receivedBytes += received
    const counted = { bytes: bytes + received, hasFailed: status >= 500, now }
    if (repository !== undefined) this.#repositories.add(repository, counted)
    if (remote !== undefined) this.#clients.add(remote, counted)
    if (this.#registrySite !== undefined) this.#sites.add(this.#registrySite, counted)
  }

  /** The counts of this moment. */
  read(): ProcessActivity {
    const now = this.#now()
    return {
      pid: process.pid,
      residentBytes: process.memoryUsage.rss(),
      totalRequests: this.#totalRequests,
      rates: this.#rates(Math.floor(now / 1000)),
      transfers: this.#listTransfers(),
      top: {
        repository: this.#repositories.list(now),
        client: this.#clients.list(now),
        site: this.#sites.list(now),
      },
    }
  }

  #second(at: number): Second {
    const last = this.#seconds.at(-1)
    if (last?.at === at) return last
    const second = { at, requests: 0, failures: 0, sentBytes: 0, receivedBytes: 0 }
    this.#seconds.push(second)
    // One more than those of the rates: the second under way is not counted.
    if (this.#seconds.length > RATE_SECONDS + 1) this.#seconds.shift()
    return second
  }

  #rates(current: number): Rates {
    const counted = this.#seconds.filter(({ at }) => at < current && at >= current - RATE_SECONDS)
    const sum = (name: Exclude<keyof Second, 'at'>): number =>
      counted.reduce((total, second) => total + second[name], 0) / RATE_SECONDS
    return {
      overSeconds: RATE_SECONDS,
      requests: sum('requests'),
      failures: sum('failures'),
      sentBytes: sum('sentBytes'),
      receivedBytes: sum('receivedBytes'),
    }
  }
}
