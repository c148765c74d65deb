import type { RequestTrail } from '../exchange/request-trail.ts'
import type { LimitedRequest, LimitGate, LimitVerdict } from '../sites/ports.ts'
import type { LocationSettings } from '../vhost/settings/settings.ts'
import { expand } from '../vhost/syntax/template.ts'

/** Most keys of one zone; the least recently used one goes first: nginx's 10m hold some 160,000. */
const MAX_KEYS = 100_000

interface Bucket {
  /** Requests above the rate, in thousandths. */
  excess: number
  at: number
}

const PASS: LimitVerdict = { kind: 'pass', release: () => {} }

/**
 * Enters the limits of a request's location; one without limits passes at once. A request is counted once, however many
 * locations it goes through.
 */
export function enterLimits(
  gate: LimitGate,
  {
    settings,
    trail,
    variable,
  }: { settings: LocationSettings; trail: RequestTrail; variable: (name: string) => string },
): LimitVerdict | Promise<LimitVerdict> {
  const requestRates = trail.hasCountedRates ? [] : settings.requestRates
  const connectionLimits = trail.hasCountedConnections ? [] : settings.connectionLimits
  if (requestRates.length === 0 && connectionLimits.length === 0) return PASS
  trail.hasCountedRates ||= requestRates.length > 0
  trail.hasCountedConnections ||= connectionLimits.length > 0
  return gate.enter({
    connections: connectionLimits.map(({ zone, key, max, status }) => ({
      zone,
      key: expand(key, variable),
      max,
      status,
    })),
    rates: requestRates.map((rate) => ({ ...rate, key: expand(rate.key, variable) })),
  })
}

/** `limit_req` and `limit_conn`: the zones of all hosts. */
export class RateLimits implements LimitGate {
  readonly #buckets = new Map<string, Map<string, Bucket>>()
  readonly #underWay = new Map<string, number>()
  readonly #clock: () => number

  constructor(clock: () => number = Date.now) {
    this.#clock = clock
  }

  enter({ connections, rates }: LimitedRequest): LimitVerdict {
    const keys: string[] = []
    for (const { zone, key, max, status } of connections) {
      const value = `${zone} ${key}`
      if ((this.#underWay.get(value) ?? 0) >= max) {
        this.#leave(keys)
        return { kind: 'refuse', status, zone }
      }
      this.#underWay.set(value, (this.#underWay.get(value) ?? 0) + 1)
      keys.push(value)
    }
    let waitMs = 0
    for (const rate of rates) {
      const delayMs = this.#count(rate)
      if (delayMs === undefined) {
        this.#leave(keys)
        return { kind: 'refuse', status: rate.status, zone: rate.zone }
      }
      waitMs = Math.max(waitMs, delayMs)
    }
    const release = (): void => this.#leave(keys)
    return waitMs > 0 ? { kind: 'wait', ms: waitMs, release } : { kind: 'pass', release }
  }

  #leave(keys: readonly string[]): void {
    for (const key of keys) {
      const left = (this.#underWay.get(key) ?? 1) - 1
      if (left > 0) this.#underWay.set(key, left)
      else this.#underWay.delete(key)
    }
  }

  /** The leaky bucket of nginx (ngx_http_limit_req_module.c). @returns the delay; undefined: too many. */
  #count({ zone, key, perSecond, burst, noDelay }: LimitedRequest['rates'][number]): number | undefined {
    if (key === '') return 0
    const now = this.#clock()
    const bucket = this.#bucket(zone, key)
    const excess = Math.max(0, bucket.excess - perSecond * (now - bucket.at) + 1_000)
    const above = bucket.at === 0 ? 0 : excess
    if (above > burst * 1_000) return undefined
    bucket.excess = above
    bucket.at = now
    return noDelay ? 0 : above / perSecond
  }

  #bucket(zone: string, key: string): Bucket {
    const buckets = this.#buckets.get(zone) ?? new Map<string, Bucket>()
    this.#buckets.set(zone, buckets)
    const known = buckets.get(key)
    const bucket = known ?? { excess: 0, at: 0 }
    buckets.delete(key)
    buckets.set(key, bucket)
    const [oldest] = buckets.size > MAX_KEYS ? buckets.keys() : []
    if (oldest !== undefined) buckets.delete(oldest)
    return bucket
  }
}
