import { createHash } from 'node:crypto'
import type { UpstreamDeclaration, UpstreamServer } from '../../sites/site-declaration.ts'

/** Time for which a server that could not be reached comes last, in milliseconds: nginx's fail_timeout. */
const FAILED_MS = 10_000
/** Servers remembered; the one that failed longest ago goes first. */
const MAX_REMEMBERED = 10_000

/**
 * Requests under way at one server, upgraded connections among them: each takes a connection, and there are some 28,000
 * ports of this machine to connect to one address from. The 10,000 long polls of a busy application fit in.
 */
const MAX_PER_SERVER = 16_384
/** The same at all servers together: as many open files again as for visitors, and as many for the rest. */
const MAX_UNDER_WAY = 32_768
/** Time between two log lines about a server that is full, in milliseconds. */
const REPORT_AGAIN_MS = 10_000

/** Settings of a {@link ServerPicker}. */
interface PickerOptions {
  readonly clock?: () => number
  /** In place of the bounds of this file. */
  readonly maxPerServer?: number
  readonly maxUnderWay?: number
  /** Called, now and then, while requests are refused because too many are under way. */
  readonly onFull?: (server: UpstreamServer, underWay: { atServer: number; atAll: number }) => void
}

/** Chooses which server of an upstream gets a request, and in which order the others are tried. */
export class ServerPicker {
  readonly #turns = new WeakMap<UpstreamDeclaration, number>()
  readonly #failedAt = new Map<string, number>()
  readonly #underWay = new Map<string, number>()
  readonly #clock: () => number
  readonly #options: PickerOptions
  readonly #reportedAt = new Map<string, number>()
  #atAll = 0

  constructor(options: PickerOptions = {}) {
    this.#options = options
    this.#clock = options.clock ?? Date.now
  }

  /** The servers in the order of trying: healthy ones first, then those that may work. */
  order(upstream: UpstreamDeclaration, remoteAddress: string): readonly UpstreamServer[] {
    const { servers } = upstream
    const [only] = servers
    if (servers.length === 1 && only) return only.problem === undefined ? servers : []
    const usable = servers.filter(({ problem }) => problem === undefined)
    const turned = this.#turn(upstream, usable, remoteAddress)
    return turned
      .map((server, index) => ({ server, index, rank: this.#rank(server) }))
      .sort((a, b) => a.rank - b.rank || a.index - b.index)
      .map(({ server }) => server)
  }

  /** Notes that a server could not be reached. */
  fail(server: UpstreamServer): void {
    remember(this.#failedAt, toKey(server), this.#clock())
  }

  /** Counts a request to a server; the returned function ends the count. Undefined: too many are under way. */
  begin(server: UpstreamServer): (() => void) | undefined {
    const key = toKey(server)
    const atServer = this.#underWay.get(key) ?? 0
    const { maxPerServer = MAX_PER_SERVER, maxUnderWay = MAX_UNDER_WAY } = this.#options
    if (atServer >= maxPerServer || this.#atAll >= maxUnderWay) {
      this.#reportFull(server, atServer)
      return undefined
    }
    this.#underWay.set(key, atServer + 1)
    this.#atAll++
    return () => {
      this.#atAll--
      const left = (this.#underWay.get(key) ?? 1) - 1
      if (left > 0) this.#underWay.set(key, left)
      else this.#underWay.delete(key)
    }
  }

  #reportFull(server: UpstreamServer, atServer: number): void {
    const key = toKey(server)
    const now = this.#clock()
    const reportedAt = this.#reportedAt.get(key)
    if (reportedAt !== undefined && now - reportedAt < REPORT_AGAIN_MS) return
    remember(this.#reportedAt, key, now)
    this.#options.onFull?.(server, { atServer, atAll: this.#atAll })
  }

  #turn(
    upstream: UpstreamDeclaration,
    servers: readonly UpstreamServer[],
    remoteAddress: string,
  ): UpstreamServer[] {
    if (upstream.balance === 'least-connections') {
      const load = (server: UpstreamServer): number => this.#underWay.get(toKey(server)) ?? 0
      return [...servers].sort((a, b) => load(a) - load(b))
    }
    const turn = upstream.balance === 'ip-hash' ? hashAddress(remoteAddress) : this.#nextTurn(upstream)
    const start = servers.length > 0 ? turn % servers.length : 0
    return [...servers.slice(start), ...servers.slice(0, start)]
  }

  #nextTurn(upstream: UpstreamDeclaration): number {
    const turn = this.#turns.get(upstream) ?? 0
    this.#turns.set(upstream, (turn + 1) % Number.MAX_SAFE_INTEGER)
    return turn
  }

  /** 0: fine, 1: failed of late, 2: not healthy. */
  #rank(server: UpstreamServer): number {
    if (server.health === 'starting' || server.health === 'unhealthy') return 2
    const failedAt = this.#failedAt.get(toKey(server))
    return failedAt !== undefined && this.#clock() - failedAt < FAILED_MS ? 1 : 0
  }
}

function remember(times: Map<string, number>, key: string, time: number): void {
  times.delete(key)
  times.set(key, time)
  const [oldest] = times.size > MAX_REMEMBERED ? times.keys() : []
  if (oldest !== undefined) times.delete(oldest)
}

function toKey({ host, port }: UpstreamServer): string {
  return `${host} ${port}`
}

/** The same number for the same visitor: an IPv4 address by its first three parts, as nginx's `ip_hash` does. */
function hashAddress(address: string): number {
  const part = /^\d+\.\d+\.\d+\.\d+$/.test(address) ? address.slice(0, address.lastIndexOf('.')) : address
  return createHash('sha1').update(part).digest().readUInt32BE(0)
}
