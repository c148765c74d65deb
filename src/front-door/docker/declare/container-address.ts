import { quote } from '../../sites/quote.ts'
import { type ContainerFacts, type ContainerNetwork, NETWORK_LABEL } from '../facts/container-facts.ts'
import type { OwnPlace } from '../facts/own-networks.ts'
import { readPort } from './declared-hosts.ts'

/** Port of a container without any other hint. */
const DEFAULT_PORT = 80
/** Drivers of networks that are reachable from the host itself, the likeliest first. */
const HOST_DRIVERS = ['bridge', 'nat']
/** Networks that the host itself does not reach: those of a card, which it shares, and those over several machines. */
const FAR_DRIVERS: ReadonlySet<string> = new Set(['macvlan', 'ipvlan', 'overlay'])
/** Ports named in a sentence. */
const MAX_NAMED = 8

/** Port of a container, or the reason why there is none; a note explains a guess. */
interface ContainerPort {
  readonly port: number
  readonly problem?: string
  readonly note?: string
}

/** `VIRTUAL_PORT`, else the only exposed port, else 80. */
export function choosePort(container: ContainerFacts, declared: string | undefined): ContainerPort {
  const { name, ports } = container
  const [only] = ports
  if (declared !== undefined) {
    const port = readPort(declared)
    return port === undefined
      ? {
          port: 0,
          problem: `${name} says VIRTUAL_PORT=${quote(declared)}, which is no port: give a number up to 65535`,
        }
      : { port }
  }
  if (container.networkMode === 'host') {
    const note = `${name} is in the host's network and says no VIRTUAL_PORT: ${only ?? DEFAULT_PORT} is tried. Set VIRTUAL_PORT`
    return ports.length === 1 && only !== undefined ? { port: only } : { port: DEFAULT_PORT, note }
  }
  if (ports.length === 1 && only !== undefined) return { port: only }
  if (ports.includes(DEFAULT_PORT)) return { port: DEFAULT_PORT }
  const exposed = ports.length === 0 ? 'no port' : `the ports ${listed(ports)}`
  const note = `${name} exposes ${exposed} and says no VIRTUAL_PORT: 80 is tried. Set VIRTUAL_PORT=${only ?? '<port>'} if that is not it`
  return { port: DEFAULT_PORT, note }
}

/** The one address of a container, or the reason why there is none. */
type ContainerAddress = { readonly host: string } | { readonly problem: string }

/**
 * The address in a network: of its networks by name, without the swarm's `ingress`, the first that Berth is in, too; on
 * the host itself the first that it reaches, bridges before others; the label `berth.network` chooses another. In the
 * host's network it is the machine itself. One address a container: with more it would get more than its share.
 */
export function chooseAddress(
  container: ContainerFacts,
  place: OwnPlace,
  preferIpv6: boolean,
): ContainerAddress {
  const { name, networkMode, networks } = container
  if (networkMode === 'host') return hostAddress(name, place)
  if (networkMode === 'shared') {
    return { problem: `${name} uses the network of another container: set VIRTUAL_HOST on that one` }
  }
  const usable = networks.filter((network) => network.name !== 'ingress' && network.name !== 'none')
  const chosen = container.labels[NETWORK_LABEL] || undefined
  const chosenNetworks = usable.filter((network) => chosen === undefined || network.name === chosen)
  if (chosen !== undefined && chosenNetworks.length === 0)
    return { problem: whyNotChosen(name, chosen, usable) }
  const reached = place.isHost
    ? chosenNetworks
        .filter((network) => !isFar(network, place))
        .sort((a, b) => rankNetwork(a, place) - rankNetwork(b, place))
    : chosenNetworks.filter((network) => isShared(network, place))
  for (const { ipv4, ipv6 } of reached) {
    const host = preferIpv6 ? (ipv6 ?? ipv4) : (ipv4 ?? ipv6)
    if (host !== undefined) return { host }
  }
  return { problem: whyUnreached(name, { usable: chosenNetworks, reached, place }) }
}

function hostAddress(name: string, { isHost, gateway }: OwnPlace): ContainerAddress {
  const host = isHost ? '127.0.0.1' : gateway
  if (host !== undefined) return { host }
  return {
    problem: `${name} is in the host's network, to which none of Berth's own networks leads: connect Berth to one that is not internal`,
  }
}

function isShared({ name, id }: ContainerNetwork, { networks }: OwnPlace): boolean {
  return networks.some((own) => own.name === name && (own.id === id || own.id === '' || id === ''))
}

function isFar({ name }: ContainerNetwork, { drivers }: OwnPlace): boolean {
  return FAR_DRIVERS.has(drivers?.get(name) ?? '')
}

/** Rank by driver; an unknown one counts as a bridge. */
function rankNetwork({ name }: ContainerNetwork, { drivers }: OwnPlace): number {
  const driver = drivers?.get(name)
  return driver === undefined || HOST_DRIVERS.includes(driver) ? 0 : 1
}

function whyNotChosen(name: string, chosen: string, usable: readonly ContainerNetwork[]): string {
  const others = listed(usable.map((network) => network.name)) || 'none'
  return `${name} has the label ${NETWORK_LABEL}=${quote(chosen)} and is in no network of that name (it is in ${others}): name one of these, or run "docker network connect ${chosen} ${name}"`
}

interface Search {
  readonly usable: readonly ContainerNetwork[]
  readonly reached: readonly ContainerNetwork[]
  readonly place: OwnPlace
}

function whyUnreached(name: string, { usable, reached, place }: Search): string {
  if (usable.length === 0) return `${name} is in no network: connect it to one with "docker network connect"`
  if (reached.length > 0) {
    const [first] = reached
    return `${name} has no address in the network ${first?.name} (yet): see "docker network inspect ${first?.name}"`
  }
  const [far] = usable
  if (place.isHost && far) {
    return `${name} is in the network ${far.name} only, of the driver ${place.drivers?.get(far.name)}, which does not lead to the host itself: run "docker network connect bridge ${name}", or run Berth in a container of that network`
  }
  const own = place.networks.map((network) => network.name)
  const [target = '<network>'] = own
  return `${name} shares no network with Berth (it is in ${listed(usable.map((network) => network.name))}; Berth in ${listed(own) || 'none'}): run "docker network connect ${target} ${name}"`
}

function listed(items: readonly (string | number)[]): string {
  const rest = items.length - MAX_NAMED
  return items.slice(0, MAX_NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
