import { access, readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { ContainerFacts, ContainerNetwork } from './container-facts.ts'

/** nginx-proxy's `NGINX_CONTAINER_LABEL`: marks the container whose networks count as the proxy's own. */
export const NGINX_CONTAINER_LABEL = 'com.github.nginx-proxy.nginx-proxy.nginx'
/** Files that engines put into containers. */
const CONTAINER_MARKS = ['/.dockerenv', '/run/.containerenv']
/** Files that may hold the id of the process's container. */
const ID_FILES = ['/proc/1/cpuset', '/proc/self/cgroup', '/proc/self/mountinfo']
const CONTAINER_ID = /\b[0-9a-f]{64}\b/g

/** Berth's own place among the containers' networks. */
export interface OwnPlace {
  /** True outside a container, and in the host's network: every bridge is reachable. */
  readonly isHost: boolean
  /** Networks that Berth's own container is in. */
  readonly networks: readonly Pick<ContainerNetwork, 'name' | 'id'>[]
  /** Address of the host, for containers in the host's network; undefined if there is none. */
  readonly gateway: string | undefined
  /** Drivers of the engine's networks by their names; a missing one is unknown. */
  readonly drivers?: ReadonlyMap<string, string> | undefined
}

/** Facts of a network. */
export interface NetworkFacts {
  readonly driver: string
  /** True if it leads nowhere: its gateway is no way to the host. */
  readonly isInternal: boolean
}

/** Reads the answer of `/networks`, by name. */
export function readNetworks(answer: unknown): ReadonlyMap<string, NetworkFacts> {
  const networks = Array.isArray(answer)
    ? (answer as ({ Name?: unknown; Driver?: unknown; Internal?: unknown } | null)[])
    : []
  return new Map(
    networks.map((network) => [
      String(network?.Name),
      { driver: String(network?.Driver ?? ''), isInternal: network?.Internal === true },
    ]),
  )
}

/** Berth's place when it runs on the host itself. */
export const ON_HOST: OwnPlace = { isHost: true, networks: [], gateway: undefined }

/** Facts about its own container that a process can find without the engine. */
export interface OwnTraces {
  /** True if it runs in one. */
  readonly isContained: boolean
  /** Ids, or beginnings of ids, that may be its own; the likeliest first. */
  readonly ids: readonly string[]
}

/** Looks for traces of a container around this process. */
export async function findOwnTraces(): Promise<OwnTraces> {
  const marks = await Promise.all(
    CONTAINER_MARKS.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  )
  const texts = await Promise.all(ID_FILES.map((file) => readFile(file, 'utf8').catch(() => '')))
  const ids = readOwnIds(texts.join('\n'), hostname())
  return { isContained: marks.includes(true) || ids.length > 0, ids }
}

/**
 * The ids that files below `/proc` name as this process's container. Of mounts only those over files that an engine
 * puts into each container count: the host itself sees the mounts of all containers.
 */
function readOwnIds(text: string, host: string): string[] {
  const lines = text
    .split('\n')
    .filter(
      (line) => !/^\d+ \d+ \d+:\d+ /.test(line) || / \/etc\/(?:hostname|hosts|resolv\.conf) /.test(line),
    )
  const ids = [...new Set(lines.flatMap((line) => line.match(CONTAINER_ID) ?? []))]
  // The host name of a container is the beginning of its id by default.
  const likely = ids.filter((id) => id.startsWith(host))
  const rest = ids.filter((id) => !likely.includes(id))
  return [...likely, ...rest, ...(likely.length === 0 && /^[0-9a-f]{12}$/.test(host) ? [host] : [])]
}

/** Finds this process's container among all, or the one whose label marks it as the proxy's. */
export function findOwnContainer(
  traces: OwnTraces,
  containers: Iterable<ContainerFacts>,
  label: string = NGINX_CONTAINER_LABEL,
): ContainerFacts | undefined {
  if (!traces.isContained) return undefined
  const all = [...containers]
  for (const id of traces.ids) {
    const own = all.find((container) => container.id.startsWith(id))
    if (own) return own
  }
  return all.find(({ labels, state }) => labels[label] !== undefined && state === 'running')
}

/** Berth's place, if `own` is its container; `known` are the engine's networks. */
export function toOwnPlace(
  own: ContainerFacts | undefined,
  known: ReadonlyMap<string, NetworkFacts>,
): OwnPlace {
  const named = [...known].filter(([, { driver }]) => driver !== '')
  const drivers = new Map(named.map(([name, { driver }]) => [name, driver]))
  if (!own || own.networkMode === 'host') return { ...ON_HOST, drivers }
  const isWayOut = ({ name, gateway }: ContainerNetwork): boolean =>
    gateway !== undefined && known.get(name)?.isInternal !== true
  return {
    isHost: false,
    networks: own.networks.map(({ name, id }) => ({ name, id })),
    gateway: own.networks.find(isWayOut)?.gateway,
    drivers,
  }
}
