import { createHash } from 'node:crypto'
import type { UpstreamDeclaration, UpstreamServer } from '../site-declaration.ts'

/** How long a server that could not be reached goes last, in milliseconds: nginx's fail_timeout. */
const FAILED_MS = 10_000
/** Servers remembered; the one that failed longest ago goes first. */
const MAX_REMEMBERED = 10_000

/** Chooses which server of an upstream gets a request, and in which order the others are tried. */
export class ServerPicker {
  readonly #turns = new WeakMap<UpstreamDeclaration, number>()
  readonly #failedAt = new Map<string, number>()
  readonly #underWay = new Map<string, number>()
  readonly #clock: () => number

  constructor(clock: () => number = Date.now) {
    this.#clock = clock
  }

  /** The servers in the order in which they are to be tried: healthy ones first, then those that may do. */
  order(upstream: UpstreamDeclaration, remoteAddress: string): readonly UpstreamServer[] {
    const { servers } = upstream
    const [only] = servers
    if (servers.length === 1 && only) return only.problem === undefined ? servers : []
    const usable = servers.filter(({ problem }) => problem === undefined)
    const turned = this.#turn(upstream, usable, remoteAddress)
    return turned
      .map((server, index) => ({ server, index, rank: this.#rankOf(server) }))
      .sort((a, b) => a.rank - b.rank || a.index - b.index)
      .map(({ server }) => server)
  }

  /** Tells that a server could not be reached. */
  fail(server: UpstreamServer): void {
    const key = keyOf(server)
    this.#failedAt.delete(key)
    this.#failedAt.set(key, this.#clock())
    const [oldest] = this.#failedAt.size > MAX_REMEMBERED ? this.#failedAt.keys() : []
    if (oldest !== undefined) this.#failedAt.delete(oldest)
  }

  /** Tells that a request to a server begins; what is returned tells that it ended. */
  begin(server: UpstreamServer): () => void {
    const key = keyOf(server)
    this.#underWay.set(key, (this.#underWay.get(key) ?? 0) + 1)
    return () => {
      const left = (this.#underWay.get(key) ?? 1) - 1
      if (left > 0) this.#underWay.set(key, left)
      else this.#underWay.delete(key)
    }
  }

  #turn(
    upstream: UpstreamDeclaration,
    servers: readonly UpstreamServer[],
    remoteAddress: string,
  ): UpstreamServer[] {
    if (upstream.balance === 'least-connections') {
      const load = (server: UpstreamServer): number => this.#underWay.get(keyOf(server)) ?? 0
      return [...servers].sort((a, b) => load(a) - load(b))
    }
    const turn = upstream.balance === 'ip-hash' ? hashOf(remoteAddress) : this.#nextTurn(upstream)
    const start = servers.length > 0 ? turn % servers.length : 0
    return [...servers.slice(start), ...servers.slice(0, start)]
  }

  #nextTurn(upstream: UpstreamDeclaration): number {
    const turn = this.#turns.get(upstream) ?? 0
    this.#turns.set(upstream, (turn + 1) % Number.MAX_SAFE_INTEGER)
    return turn
  }

  /** 0: fine, 1: failed of late, 2: not healthy. */
  #rankOf(server: UpstreamServer): number {
    if (server.health === 'starting' || server.health === 'unhealthy') return 2
    const failedAt = this.#failedAt.get(keyOf(server))
    return failedAt !== undefined && this.#clock() - failedAt < FAILED_MS ? 1 : 0
  }
}

function keyOf({ host, port }: UpstreamServer): string {
  return `${host} ${port}`
}

/** The same number for the same visitor: an IPv4 address by its first three parts, as nginx's `ip_hash` does. */
function hashOf(address: string): number {
  const part = /^\d+\.\d+\.\d+\.\d+$/.test(address) ? address.slice(0, address.lastIndexOf('.')) : address
  return createHash('sha1').update(part).digest().readUInt32BE(0)
}
