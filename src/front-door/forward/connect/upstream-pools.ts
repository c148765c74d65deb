import type { buildConnector } from 'undici'
import Pool from 'undici/lib/dispatcher/pool.js'
import { ConnectFailed, connectServer } from './connect-server.ts'
import type { UpstreamTls } from './connect-tls.ts'

/** Largest head of an upstream's answer, in bytes: an application that sends more is broken. */
const MAX_HEAD_BYTES = 64 * 1024
/**
 * Time for which an idle connection to an upstream is kept, in milliseconds: shorter than the usual 60 s of servers.
 */
const KEEP_ALIVE_MS = 50_000
/** Time for which a pool without a site is kept, in milliseconds: a container that restarts comes back. */
const GRACE_MS = 30_000

/**
 * Most pools at once; beyond them, the least recently used idle one is closed. With a variable in `proxy_pass` visitors
 * decide their number.
 */
const MAX_POOLS = 1_024

/** Target and settings of a pool. */
interface PoolTarget {
  /** Scheme, host and port, such as `http://172.17.0.2:80`. */
  readonly origin: string
  readonly connectTimeoutMs: number
  /** Idle connections to keep; 0: none. */
  readonly keepAlive: number
  /** Only for https. */
  readonly tls: UpstreamTls | undefined
}

interface Entry {
  readonly pool: Pool
  usedAt: number
}

/** Connections to upstreams, a pool for each way to reach one. A change of the table does not touch them. */
export class UpstreamPools implements AsyncDisposable {
  readonly #entries = new Map<string, Entry>()
  readonly #sweep: NodeJS.Timeout
  readonly #maxPools: number

  constructor(maxPools = MAX_POOLS) {
    this.#maxPools = maxPools
    this.#sweep = setInterval(() => this.#closeUnused(), GRACE_MS)
    this.#sweep.unref()
  }

  get(target: PoolTarget): Pool {
    const { origin, connectTimeoutMs, keepAlive, tls } = target
    const key = `${origin} ${connectTimeoutMs} ${keepAlive > 0} ${tls ? `${tls.verify} ${tls.serverName} ${tls.verifiedName}` : ''}`
    let entry = this.#entries.get(key)
    if (!entry) {
      if (this.#entries.size >= this.#maxPools) this.#closeOldest()
      entry = { pool: open(target), usedAt: 0 }
      this.#entries.set(key, entry)
    }
    entry.usedAt = Date.now()
    return entry.pool
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweep)
    const pools = [...this.#entries.values()].map(({ pool }) => pool.destroy())
    this.#entries.clear()
    await Promise.all(pools)
  }

  /** Number of pools. */
  get size(): number {
    return this.#entries.size
  }

  /** Requests under way have a bound of their own, which bounds the pools that cannot be closed. */
  #closeOldest(): void {
    let oldest: [key: string, entry: Entry] | undefined
    for (const [key, entry] of this.#entries) {
      if (entry.pool.stats.size > 0) continue
      if (!oldest || entry.usedAt < oldest[1].usedAt) oldest = [key, entry]
    }
    if (!oldest) return
    this.#entries.delete(oldest[0])
    void oldest[1].pool.close()
  }

  /** A pool closes once the requests on it are over. */
  #closeUnused(): void {
    const before = Date.now() - GRACE_MS
    for (const [key, { pool, usedAt }] of this.#entries) {
      if (usedAt > before || pool.stats.running > 0) continue
      this.#entries.delete(key)
      void pool.close()
    }
  }
}

function open({ origin, connectTimeoutMs, keepAlive, tls }: PoolTarget): Pool {
  return new Pool(origin, {
    connections: null,
    pipelining: keepAlive > 0 ? 1 : 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEAD_BYTES,
    connect: createConnector(tls, connectTimeoutMs),
  })
}

/** Replaces undici's own connector, which uses the visitor's host as name; an upstream need not know it. */
function createConnector(tls: UpstreamTls | undefined, timeoutMs: number): buildConnector.connector {
  return ({ hostname, port }, callback) => {
    const address = { host: hostname, port: Number(port || (tls ? 443 : 80)), tls, timeoutMs }
    connectServer(address, (result) => {
      if (result instanceof ConnectFailed) callback(result, null)
      else callback(null, result)
    })
  }
}
