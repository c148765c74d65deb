import { isIP } from 'node:net'

/** Variables about virtual hosts. The others may hold secrets, and are not kept. */
export const VARIABLES: ReadonlySet<string> = new Set([
  ...[
    'VIRTUAL_HOST',
    'VIRTUAL_PORT',
    'VIRTUAL_PATH',
    'VIRTUAL_DEST',
    'VIRTUAL_PROTO',
    'VIRTUAL_HOST_MULTIPORTS',
  ],
  ...['HTTPS_METHOD', 'HSTS', 'CERT_NAME', 'NETWORK_ACCESS', 'SSL_POLICY', 'NON_GET_REDIRECT'],
  ...['EXTERNAL_HTTP_PORT', 'EXTERNAL_HTTPS_PORT', 'ENABLE_HTTP_ON_MISSING_CERT'],
  ...['ACME_HOST', 'ACME_EMAIL', 'ACME_CA_URI', 'ACME_EAB_KID', 'ACME_EAB_HMAC_KEY', 'ACME_CERT_PROFILE'],
  ...['ACME_PREFERRED_CHAIN', 'ACME_KEYSIZE', 'ACME_SINGLE_DOMAIN_CERTS', 'ACME_CHALLENGE', 'ACME_OCSP'],
  ...[
    'ACME_RESTART_CONTAINER',
    'ACME_PRE_HOOK',
    'ACME_POST_HOOK',
    'ACMESH_DNS_API_CONFIG',
    'ZEROSSL_API_KEY',
  ],
  ...['ACME_RENEW_AFTER', 'ACME_RENEW_PRIVATE_KEYS'],
  ...['LETSENCRYPT_HOST', 'LETSENCRYPT_EMAIL', 'LETSENCRYPT_KEYSIZE', 'LETSENCRYPT_SINGLE_DOMAIN_CERTS'],
  ...['LETSENCRYPT_TEST', 'LETSENCRYPT_RESTART_CONTAINER'],
])
/** Variables of which only the presence counts: their values are secrets that are not needed. */
const PRESENCE_ONLY: ReadonlySet<string> = new Set(['ACMESH_DNS_API_CONFIG', 'ZEROSSL_API_KEY'])
/** Labels of nginx-proxy and its companions. */
const LABEL_PREFIX = 'com.github.nginx-proxy.'
/** Label that names the network of a container in several, by which Berth connects to it. */
export const NETWORK_LABEL = 'berth.network'
/** Longest value kept, in characters: `VIRTUAL_HOST_MULTIPORTS` is the longest in use. */
const MAX_VALUE_LENGTH = 64 * 1024
/** Networks, ports and labels read of one container; an engine allows some hundred. */
const MAX_MEMBERS = 1_000

/** A network that a container is in. */
export interface ContainerNetwork {
  readonly name: string
  /** Empty if the engine does not report it. */
  readonly id: string
  readonly ipv4: string | undefined
  readonly ipv6: string | undefined
  readonly gateway: string | undefined
}

/** `stopped` covers dead and being removed, too. */
type ContainerState = 'running' | 'paused' | 'restarting' | 'created' | 'stopped'

/** Facts of a container. Plain data: equal as JSON means equal. */
export interface ContainerFacts {
  readonly id: string
  /** Without the slash of the engine's answer. */
  readonly name: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly state: ContainerState
  /** Exit code of its last run; undefined while it runs or before it ran. */
  readonly exitCode: number | undefined
  /** True if the kernel ended it for want of memory. */
  readonly isOutOfMemory: boolean
  readonly health: 'healthy' | 'unknown' | 'starting' | 'unhealthy'
  /** The variables that declare virtual hosts; no others. */
  readonly environment: Readonly<Record<string, string>>
  /** The labels of nginx-proxy, and {@link NETWORK_LABEL}; no others. */
  readonly labels: Readonly<Record<string, string>>
  /** By name. */
  readonly networks: readonly ContainerNetwork[]
  /** `host`: that of the machine; `shared`: that of another container. */
  readonly networkMode: 'own' | 'host' | 'shared' | 'none'
  /** Exposed TCP ports, ascending. */
  readonly ports: readonly number[]
}

/**
 * Reads the answer of `/containers/{id}/json`. `containerLabel` is one more label that is kept.
 * @returns undefined if it is no container.
 */
export function readContainer(inspect: unknown, containerLabel?: string): ContainerFacts | undefined {
  const root = toRecord(inspect)
  const config = toRecord(root.Config)
  const state = toRecord(root.State)
  const settings = toRecord(root.NetworkSettings)
  if (typeof root.Id !== 'string' || !/^[a-zA-Z0-9_.-]{1,128}$/.test(root.Id)) return undefined
  const networks = toEntries(settings.Networks).map(([name, each]) => readNetwork(name, toRecord(each)))
  const known = Object.keys(toRecord(settings.Ports))
  return {
    id: root.Id,
    name: readName(root.Name, root.Id),
    createdAt: readTime(root.Created),
    ...readState(state),
    health: readHealth(toRecord(state.Health ?? state.Healthcheck).Status),
    environment: readEnvironment(config.Env),
    labels: readLabels(config.Labels, containerLabel),
    networks: networks.sort((a, b) => (a.name < b.name ? -1 : 1)),
    networkMode: readNetworkMode(toRecord(root.HostConfig).NetworkMode, networks),
    // On an internal network the engine lists no ports there, only those of the image.
    ports: readPorts(known.length > 0 ? known : Object.keys(toRecord(config.ExposedPorts))),
  }
}

/** Docker writes `/name`; its old links would be `/other/alias`. */
function readName(name: unknown, id: string): string {
  const text = typeof name === 'string' ? name.replace(/^\//, '') : ''
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/.test(text) ? text : id.slice(0, 12)
}

/** Podman writes seconds where Docker writes ISO 8601. */
function readTime(value: unknown): number {
  if (typeof value === 'number') return value * 1_000
  return typeof value === 'string' ? Date.parse(value) || 0 : 0
}

function readState(
  state: Record<string, unknown>,
): Pick<ContainerFacts, 'state' | 'exitCode' | 'isOutOfMemory'> {
  const kind = toState(state)
  const hasEnded = kind === 'stopped' || kind === 'restarting'
  return {
    state: kind,
    exitCode: hasEnded && Number.isInteger(state.ExitCode) ? Number(state.ExitCode) : undefined,
    isOutOfMemory: hasEnded && state.OOMKilled === true,
  }
}

function toState({ Status, Running, Paused, Restarting }: Record<string, unknown>): ContainerState {
  if (Paused === true || Status === 'paused') return 'paused'
  // A container that restarts again and again has `Running` set, too.
  if (Restarting === true || Status === 'restarting') return 'restarting'
  if (Running === true || Status === 'running') return 'running'
  return Status === 'created' || Status === 'initialized' || Status === 'configured' ? 'created' : 'stopped'
}

function readNetwork(name: string, network: Record<string, unknown>): ContainerNetwork {
  return {
    name,
    id: toText(network.NetworkID) ?? '',
    ipv4: toAddress(network.IPAddress, 4),
    ipv6: toAddress(network.GlobalIPv6Address, 6),
    gateway: toAddress(network.Gateway, 4) ?? toAddress(network.IPv6Gateway, 6),
  }
}

function readNetworkMode(
  mode: unknown,
  networks: readonly ContainerNetwork[],
): ContainerFacts['networkMode'] {
  if (mode === 'host' || networks.some(({ name }) => name === 'host')) return 'host'
  if (typeof mode === 'string' && mode.startsWith('container:')) return 'shared'
  return mode === 'none' ? 'none' : 'own'
}

function readHealth(status: unknown): ContainerFacts['health'] {
  return status === 'healthy' || status === 'starting' || status === 'unhealthy' ? status : 'unknown'
}

function readEnvironment(list: unknown): Record<string, string> {
  const found: [string, string][] = []
  for (const line of Array.isArray(list) ? (list as unknown[]) : []) {
    if (typeof line !== 'string') continue
    const equals = line.indexOf('=')
    const name = line.slice(0, equals)
    if (equals < 0 || !VARIABLES.has(name)) continue
    const value = line.slice(equals + 1).trim()
    // Compose sets an empty one for a variable that is not set.
    if (value === '') continue
    // A longer one keeps one character too many, so that its reader can reject it.
    found.push([name, PRESENCE_ONLY.has(name) ? 'set' : value.slice(0, MAX_VALUE_LENGTH + 1)])
  }
  return Object.fromEntries(found)
}

function readLabels(labels: unknown, containerLabel: string | undefined): Record<string, string> {
  return Object.fromEntries(
    toEntries(labels)
      .filter(([name]) => name.startsWith(LABEL_PREFIX) || name === NETWORK_LABEL || name === containerLabel)
      .map(([name, value]) => [name, String(value).trim().slice(0, MAX_VALUE_LENGTH)]),
  )
}

/** HTTP does not run over UDP: such ports do not count. */
function readPorts(names: readonly string[]): number[] {
  const tcp = names
    .slice(0, MAX_MEMBERS)
    .filter((name) => /^\d{1,5}(?:\/tcp)?$/.test(name))
    .map((name) => Number.parseInt(name, 10))
  return [...new Set(tcp.filter((port) => port > 0 && port <= 65_535))].sort((a, b) => a - b)
}

function toAddress(value: unknown, family: 4 | 6): string | undefined {
  return typeof value === 'string' && isIP(value) === family ? value : undefined
}

function toEntries(value: unknown): [string, unknown][] {
  return Object.entries(toRecord(value)).slice(0, MAX_MEMBERS)
}

function toRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
