import type { KyselyPlugin } from 'kysely'
import { AccountError, type Authenticator } from '../../../accounts/accounts.ts'
import type { CredentialCache } from '../../../accounts/log-in/credential-cache.ts'
import type { Database, Queries } from '../../../database/database.ts'
import type { SiteLog } from '../../../front-door/answer/site-access-log.ts'
import type { OnUpstreamFailure } from '../../../front-door/forward/forward-tools.ts'
import type { RequestMeter } from '../../../http/request/request-meter.ts'
import type { Meter } from '../../../metrics/meter.ts'
import type { MetricSource, ProcessMetrics } from '../../../metrics/process-metrics.ts'

/** Sites with values of their own, in the order of their first requests; all others are counted together. */
const MAX_SITES = 100
/** Label of the sites beyond these. No host has such a name. */
const OTHER_SITES = '(other)'

/** Class of a status, as a label: `2xx`; `gone` if the client left before the answer. */
function classOf(status: number): string {
  return status === 499 ? 'gone' : `${Math.trunc(status / 100)}xx`
}

/** Counts the requests of the registry's host. */
export function createRequestMeter({ meter, add }: Pick<ProcessMetrics, 'meter' | 'add'>): RequestMeter {
  let underWay = 0
  add({
    name: 'requests',
    read: async () => () => meter.set('berth_requests_in_progress', underWay),
  })
  return {
    begin: () => {
      underWay++
    },
    end({ route, status, receivedBytes, sentBytes, ms, repository }) {
      underWay--
      meter.count('berth_requests_total', { route, status: classOf(status), repository })
      meter.observe('berth_request_duration_seconds', ms / 1_000, { route })
      if (receivedBytes > 0) meter.count('berth_received_bytes_total', { route }, receivedBytes)
      if (sentBytes > 0) meter.count('berth_sent_bytes_total', { route }, sentBytes)
    },
  }
}

/** Counts the results of checks of passwords. */
export function measureLogins<A extends Authenticator>(accounts: A, meter: Meter): A {
  const count = (result: 'accepted' | 'wrong' | 'refused'): void =>
    meter.count('berth_logins_total', { result })
  return {
    ...accounts,
    async verifyPassword(...login: Parameters<Authenticator['verifyPassword']>) {
      try {
        const account = await accounts.verifyPassword(...login)
        count(account ? 'accepted' : 'wrong')
        return account
      } catch (error) {
        if (error instanceof AccountError && error.retryAfterS !== undefined) count('refused')
        throw error
      }
    },
  }
}

/** The figures of remembered credentials. */
export function createCredentialSource(cache: Pick<CredentialCache, 'figures'>): MetricSource {
  let counted = cache.figures().lookups
  return {
    name: 'credentials',
    read: async () => (meter) => {
      const { lookups, remembered } = cache.figures()
      for (const result of ['right', 'wrong', 'missed'] as const)
        meter.count('berth_credential_lookups_total', { result }, lookups[result] - counted[result])
      for (const result of ['right', 'wrong'] as const)
        meter.set('berth_credentials_remembered', remembered[result], { result })
      counted = lookups
    },
  }
}

/** Measures transactions, and queries outside of them. Prepared queries stay as they are: each request runs several. */
export function measureDatabase<S>(
  database: Database<S>,
  { meter, add }: Pick<ProcessMetrics, 'meter' | 'add'>,
): Database<S> {
  let counted = { found: 0, missed: 0 }
  add({
    name: 'row-memory',
    read: async () => () => {
      const now = database.lookups()
      for (const result of ['found', 'missed'] as const)
        meter.count('berth_database_row_lookups_total', { result }, now[result] - counted[result])
      counted = now
    },
  })
  return {
    ...database,
    read: measureQueries(database.read, meter),
    async transaction(work, turn) {
      const startedAt = performance.now()
      let result = 'failed'
      try {
        const value = await database.transaction(work, turn)
        result = 'committed'
        return value
      } finally {
        meter.observe('berth_database_transaction_duration_seconds', secondsSince(startedAt), { result })
      }
    },
  }
}

function measureQueries<S>(read: Queries<S>, meter: Meter): Queries<S> {
  const begun = new WeakMap<object, number>()
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      begun.set(queryId, performance.now())
      return node
    },
    async transformResult({ result, queryId }) {
      const startedAt = begun.get(queryId)
      if (startedAt !== undefined)
        meter.observe('berth_database_query_duration_seconds', secondsSince(startedAt))
      return result
    },
  }
  // The port is a part of Kysely's own object, which has the plugins.
  return (read as Queries<S> & { withPlugin(plugin: KyselyPlugin): Queries<S> }).withPlugin(plugin)
}

/** Creates the function that names sites, a bounded number of them. */
function createSiteNames(): (site: string) => string {
  const names = new Set<string>()
  return (site) => {
    if (names.has(site)) return site
    if (names.size >= MAX_SITES) return OTHER_SITES
    names.add(site)
    return site
  }
}

/** Creates the function that counts the failures of servers behind sites. */
export function createFailureCounter(meter: Meter): OnUpstreamFailure {
  const nameOf = createSiteNames()
  return (site, kind) => meter.count('berth_upstream_failures_total', { site: nameOf(site), kind })
}

/** Creates the function that counts the requests of sites. */
export function createSiteCounter(meter: Meter): NonNullable<SiteLog['count']> {
  const nameOf = createSiteNames()
  return ({ status, bytes, ms }, declared) => {
    const site = nameOf(declared)
    meter.count('berth_site_requests_total', { site, status: classOf(status) })
    meter.count('berth_site_request_seconds_total', { site }, ms / 1_000)
    if (bytes > 0) meter.count('berth_site_sent_bytes_total', { site }, bytes)
  }
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1_000
}
