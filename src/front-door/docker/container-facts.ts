/** A network that a container is in. */
export interface ContainerNetwork {
  readonly name: string
  readonly ipv4: string | undefined
  readonly ipv6: string | undefined
  readonly gateway: string | undefined
}

/** What is read of a container. */
export interface ContainerFacts {
  readonly id: string
  /** Without the slash that the engine writes before it. */
  readonly name: string
  readonly createdAt: number
  readonly state: 'running' | 'paused' | 'stopped'
  readonly health: 'healthy' | 'unknown' | 'starting' | 'unhealthy'
  readonly environment: ReadonlyMap<string, string>
  readonly labels: ReadonlyMap<string, string>
  readonly networks: readonly ContainerNetwork[]
  readonly isHostNetwork: boolean
  /** TCP ports that are exposed. */
  readonly ports: readonly number[]
}

/** Reads the answer of `/containers/{id}/json`. @returns undefined for what is none. */
export function readContainer(inspect: unknown): ContainerFacts | undefined {
  const root = recordOf(inspect)
  const config = recordOf(root.Config)
  const state = recordOf(root.State)
  const settings = recordOf(root.NetworkSettings)
  if (typeof root.Id !== 'string' || !root.Id) return undefined
  const networks = Object.entries(recordOf(settings.Networks)).map(([name, each]) =>
    readNetwork(name, recordOf(each)),
  )
  const published = Object.keys(recordOf(settings.Ports))
  return {
    id: root.Id,
    name: String(root.Name ?? root.Id).replace(/^\//, ''),
    createdAt: Date.parse(String(root.Created ?? '')) || 0,
    state: state.Paused === true ? 'paused' : state.Running === true ? 'running' : 'stopped',
    health: readHealth(recordOf(state.Health).Status),
    environment: readEnvironment(config.Env),
    labels: new Map(Object.entries(recordOf(config.Labels)).map(([name, value]) => [name, String(value)])),
    networks: networks.sort((a, b) => (a.name < b.name ? -1 : 1)),
    isHostNetwork: networks.some(({ name }) => name === 'host'),
    // What is published is there on internal networks only in the image's own list.
    ports: readPorts(published.length > 0 ? published : Object.keys(recordOf(config.ExposedPorts))),
  }
}

function readNetwork(name: string, network: Record<string, unknown>): ContainerNetwork {
  return {
    name,
    ipv4: textOf(network.IPAddress),
    ipv6: textOf(network.GlobalIPv6Address),
    gateway: textOf(network.Gateway),
  }
}

function readHealth(status: unknown): ContainerFacts['health'] {
  return status === 'healthy' || status === 'starting' || status === 'unhealthy' ? status : 'unknown'
}

function readEnvironment(list: unknown): ReadonlyMap<string, string> {
  const lines = Array.isArray(list) ? list.filter((line) => typeof line === 'string') : []
  return new Map(
    lines.map((line) => {
      const equals = line.indexOf('=')
      return equals < 0 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)]
    }),
  )
}

function readPorts(names: readonly string[]): number[] {
  const tcp = names
    .filter((name) => !name.includes('/') || name.endsWith('/tcp'))
    .map((name) => Number.parseInt(name, 10))
  return [...new Set(tcp.filter((port) => port > 0 && port <= 65_535))].sort((a, b) => a - b)
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
