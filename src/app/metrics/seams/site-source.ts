import type { Site } from '../../../front-door/sites/site.ts'
import type { UpstreamServer } from '../../../front-door/sites/site-declaration.ts'
import type { Meter } from '../../../metrics/meter.ts'
import type { MetricSource } from '../../../metrics/process-metrics.ts'

/** Sites whose servers are counted, in the order of the table. */
const MAX_SITES = 100

/** Figures of the current sites and the servers behind them. */
export function createSiteSource(sites: () => readonly Site[]): MetricSource {
  return { name: 'sites', read: async () => (meter) => setSites(meter, sites()) }
}

function setSites(meter: Meter, sites: readonly Site[]): void {
  const closed = sites.filter((site) => site.closed).length
  meter.set('berth_sites', sites.length - closed, { state: 'open' })
  meter.set('berth_sites', closed, { state: 'closed' })
  meter.forget('berth_site_servers')
  for (const { declaration } of sites.slice(0, MAX_SITES)) {
    const counts = countServers(
      declaration.paths.flatMap(({ target }) => (target.kind === 'upstream' ? target.upstream.servers : [])),
    )
    for (const [state, count] of counts)
      meter.set('berth_site_servers', count, { site: declaration.host, state })
  }
}

function countServers(servers: readonly UpstreamServer[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { health, problem } of servers) {
    const isFine = health === 'healthy' || health === 'unknown'
    const state = problem !== undefined ? 'unusable' : isFine ? 'usable' : 'unhealthy'
    counts.set(state, (counts.get(state) ?? 0) + 1)
  }
  return counts
}
