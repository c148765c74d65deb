import { Resolver } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import type { DnsEndpoint } from './dns-exchange.ts'

/** Time for a name server to answer, in ms, and number of tries. */
const TIMEOUT_MS = 3000
const TRIES = 2
/** Most aliases followed from one name. */
const MAX_ALIASES = 8
/** Most name servers of a zone that are queried. */
const MAX_SERVERS = 8

/** A resolver that queries these servers; without any, those of the system. */
export function makeResolver(servers: readonly DnsEndpoint[] = []): Resolver {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  if (servers.length > 0) resolver.setServers(servers.map(formatEndpoint))
  return resolver
}

/** The zone that holds a name: the closest above it with a start of authority. @returns undefined if none was found. */
export async function findZone(
  name: string,
  servers: readonly DnsEndpoint[] = [],
): Promise<string | undefined> {
  const resolver = makeResolver(servers)
  const labels = name.split('.')
  for (let index = 0; index < labels.length; index++) {
    const zone = labels.slice(index).join('.')
    const isZone = await resolver.resolveSoa(zone).then(
      () => true,
      () => false,
    )
    if (isZone) return zone
  }
  return undefined
}

/** Target of a name's aliases, the name itself if it has none: so a challenge can be delegated to another zone. */
export async function followAliases(name: string, servers: readonly DnsEndpoint[] = []): Promise<string> {
  const resolver = makeResolver(servers)
  let current = name
  for (let left = MAX_ALIASES; left > 0; left--) {
    const [target] = await resolver.resolveCname(current).catch(() => [])
    if (target === undefined) break
    current = target.toLowerCase()
  }
  return current
}

/** The authoritative servers of a zone, by address. Those without an address are left out. */
export async function findNameServers(zone: string): Promise<DnsEndpoint[]> {
  const resolver = makeResolver()
  const names = await resolver.resolveNs(zone).catch(() => [])
  const addresses = await Promise.all(
    names.slice(0, MAX_SERVERS).map(async (name) => {
      const [v4] = await resolver.resolve4(name).catch(() => [])
      const [v6] = v4 === undefined ? await resolver.resolve6(name).catch(() => []) : []
      return v4 ?? v6
    }),
  )
  return addresses.filter((address) => address !== undefined).map((address) => ({ address, port: 53 }))
}

function formatEndpoint({ address, port }: DnsEndpoint): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`
}
