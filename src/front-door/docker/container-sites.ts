import { isIP } from 'node:net'
import { normalizeHost } from '../host-name.ts'
import {
  HTTPS_METHODS,
  type HttpsMethod,
  type PathDeclaration,
  type SiteDeclaration,
  TLS_POLICIES,
  type TlsPolicyName,
  type UpstreamDeclaration,
  type UpstreamServer,
} from '../site-declaration.ts'
import type { ContainerFacts } from './container-facts.ts'
import {
  labelOf,
  readAcmeWishes,
  readWanted,
  variableOf,
  type WantedHost,
  type WantedPath,
} from './container-settings.ts'
import type { OwnPlace } from './own-networks.ts'

/** What holds for hosts whose containers do not say it. */
export interface ContainerDefaults {
  readonly httpsMethod: HttpsMethod
  readonly hsts: string | undefined
  readonly defaultHost: string | undefined
  readonly preferIpv6: boolean
}

interface Claim {
  readonly container: ContainerFacts
  readonly wanted: WantedHost
}

/**
 * The hosts that containers ask for. Pure. Containers with the same host and path are servers of one upstream; where
 * they disagree, the one that was created first counts. A container that cannot be understood touches no other host.
 */
export function declareContainers(
  containers: readonly ContainerFacts[],
  place: OwnPlace,
  defaults: ContainerDefaults,
): SiteDeclaration[] {
  const claims = new Map<string, Claim[]>()
  const oldestFirst = [...containers].sort((a, b) => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1))
  for (const container of oldestFirst) {
    for (const wanted of readWanted(container).hosts) {
      const host = hostOf(wanted.host)
      const others = claims.get(host) ?? []
      claims.set(host, [...others, { container, wanted }])
    }
  }
  return [...claims].map(([host, all]) => declareHost(host, all, { place, defaults }))
}

/** What is wrong with containers that ask for no host that can be understood. */
export function findLostContainers(containers: readonly ContainerFacts[]): string[] {
  return containers.flatMap((container) =>
    readWanted(container).problems.map((problem) => `${container.name}: ${problem}`),
  )
}

function hostOf(text: string): string {
  if (text.startsWith('~')) return text
  const [, before = '', name = '', after = ''] = /^(\*?\.)?(.*?)(\.\*)?$/.exec(text) ?? []
  return `${before}${isIP(name) ? name : (normalizeHost(name) ?? name.toLowerCase())}${after}`
}

interface Surroundings {
  readonly place: OwnPlace
  readonly defaults: ContainerDefaults
}

function declareHost(host: string, claims: readonly Claim[], around: Surroundings): SiteDeclaration {
  const { defaults } = around
  const warnings: string[] = []
  const choose = createChooser(claims, warnings)
  const running = claims.filter(({ container }) => container.state === 'running')
  const hsts = choose('HSTS')
  const redirect = Number(choose('NON_GET_REDIRECT', 'non-get-redirect') ?? 308)
  const first = claims[0]?.wanted
  return {
    host,
    source: { kind: 'docker', containers: claims.map(({ container }) => container.name) },
    httpsMethod:
      oneOf(choose('HTTPS_METHOD'), HTTPS_METHODS, { name: 'HTTPS_METHOD', warnings }) ??
      defaults.httpsMethod,
    hsts: hsts === undefined ? defaults.hsts : hsts === 'off' ? undefined : hsts,
    nonGetRedirect: redirect === 301 || redirect === 302 || redirect === 307 ? redirect : 308,
    certificateName: choose('CERT_NAME'),
    networkAccess: choose('NETWORK_ACCESS') === 'internal' ? 'internal' : 'external',
    tlsPolicy: policyOf(choose('SSL_POLICY'), warnings),
    http2: choose('ENABLE_HTTP2', 'http2.enable') !== 'false',
    externalHttpPort: first?.externalHttpPort,
    externalHttpsPort: first?.externalHttpsPort,
    isDefault: defaults.defaultHost === host,
    paths: declarePaths(host, claims, { ...around, choose, warnings }),
    acme: claims
      .flatMap(({ container }) => readAcmeWishes(container))
      .find(({ hosts }) => covers(hosts, host)),
    warnings: [
      ...warnings,
      ...refusedLabels(claims),
      ...(running.length === 0 ? [stoppedWarning(claims)] : []),
    ],
  }
}

/** Whether a certificate's names are for a host. */
function covers(names: readonly string[], host: string): boolean {
  return names.includes(host) || names.includes(host.replace(/^[^.]+/, '*'))
}

function stoppedWarning(claims: readonly Claim[]): string {
  const names = claims.map(({ container }) => `${container.name} is ${container.state}`).join(', ')
  return `No container of this host runs: ${names}`
}

type Choose = (variable: string, label?: string) => string | undefined

/** The setting of the oldest container that says it; a warning where another says something else. */
function createChooser(claims: readonly Claim[], warnings: string[]): Choose {
  return (variable, label) => {
    const told = claims.flatMap(({ container }) => {
      const value =
        (label === undefined ? undefined : labelOf(container, label)) ?? variableOf(container, variable)
      return value === undefined ? [] : [{ value, name: container.name }]
    })
    const [first] = told
    const other = told.find(({ value }) => value !== first?.value)
    if (first && other) {
      warnings.push(
        `${first.name} and ${other.name} disagree on ${variable}: "${first.value}" counts, of the older one`,
      )
    }
    return first?.value
  }
}

interface PathSurroundings extends Surroundings {
  readonly choose: Choose
  readonly warnings: string[]
}

function declarePaths(host: string, claims: readonly Claim[], around: PathSurroundings): PathDeclaration[] {
  const byPath = new Map<string, { container: ContainerFacts; wanted: WantedPath }[]>()
  for (const { container, wanted } of claims) {
    for (const path of wanted.paths) {
      byPath.set(path.path, [...(byPath.get(path.path) ?? []), { container, wanted: path }])
    }
  }
  return [...byPath].map(([path, members]) => {
    const [first] = members
    const destination = first?.wanted.destination ?? ''
    const other = members.find(({ wanted }) => wanted.destination !== destination)
    if (other)
      around.warnings.push(
        `${other.container.name} has another VIRTUAL_DEST for ${path}: "${destination}" counts`,
      )
    return {
      path,
      destination,
      target: { kind: 'upstream', upstream: declareUpstream(`${host} ${path}`, members, around) },
    }
  })
}

function declareUpstream(
  name: string,
  members: readonly { container: ContainerFacts; wanted: WantedPath }[],
  around: PathSurroundings,
): UpstreamDeclaration {
  const running = members.filter(({ container }) => container.state === 'running')
  const servers = running.map(({ container, wanted }) => declareServer(container, wanted, around))
  const told = members.find(({ wanted }) => wanted.protocol !== undefined)?.wanted.protocol ?? 'http'
  const protocol = PROTOCOLS.find((each) => each === told)
  const problem = `VIRTUAL_PROTO=${told} is not spoken here: http, https, h2c, grpc and grpcs are`
  if (!protocol) around.warnings.push(problem)
  return {
    name,
    protocol: protocol ?? 'http',
    servers: protocol ? servers : servers.map((server) => ({ ...server, problem })),
    balance: balanceOf(around.choose('LOADBALANCE', 'loadbalance'), around.warnings),
    keepAlive: keepAliveOf(around.choose('KEEPALIVE', 'keepalive'), servers.length),
  }
}

const PROTOCOLS = ['http', 'https', 'h2c', 'grpc', 'grpcs'] as const

function declareServer(
  container: ContainerFacts,
  wanted: WantedPath,
  around: PathSurroundings,
): UpstreamServer {
  const { port, note } = portOf(container, wanted)
  if (note !== undefined) around.warnings.push(note)
  const address = addressOf(container, around)
  return {
    host: address.host ?? '0.0.0.0',
    port,
    name: container.name,
    health: container.health,
    problem: address.problem,
  }
}

/** `VIRTUAL_PORT`, else the only exposed port, else 80. */
function portOf(
  { name, ports }: ContainerFacts,
  { port }: WantedPath,
): { readonly port: number; readonly note?: string } {
  const told = Number(port)
  if (port !== undefined && Number.isInteger(told) && told > 0 && told <= 65_535) return { port: told }
  const [only] = ports
  const fallback = ports.length === 1 && only !== undefined ? only : 80
  if (port !== undefined)
    return { port: fallback, note: `${name} has VIRTUAL_PORT=${port}, which is no port: ${fallback} is used` }
  if (ports.length > 1 && !ports.includes(80)) {
    return {
      port: 80,
      note: `${name} exposes the ports ${ports.join(', ')}: say which with VIRTUAL_PORT; 80 is tried`,
    }
  }
  return { port: fallback }
}

/** One address a container: of the first network, by name, that Berth is in, too. */
function addressOf(
  container: ContainerFacts,
  { place, defaults }: Surroundings,
): { readonly host?: string; readonly problem: string | undefined } {
  if (container.isHostNetwork) {
    const host = place.isHost ? '127.0.0.1' : place.gateway
    return host === undefined
      ? { problem: `${container.name} is in the host's network, and Berth's own has no gateway to it` }
      : { host, problem: undefined }
  }
  for (const network of container.networks) {
    if (network.name === 'ingress' || !(place.isHost || place.networks.has(network.name))) continue
    const host = defaults.preferIpv6 ? (network.ipv6 ?? network.ipv4) : (network.ipv4 ?? network.ipv6)
    if (host !== undefined) return { host, problem: undefined }
  }
  const names = container.networks.map(({ name }) => name).join(', ') || 'none'
  return {
    problem: `${container.name} shares no network with Berth (its own: ${names}): connect one of them, with "docker network connect"`,
  }
}

function balanceOf(text: string | undefined, warnings: string[]): UpstreamDeclaration['balance'] {
  const word = text?.replace(/;\s*$/, '').trim() ?? ''
  if (word === '' || word === 'round_robin') return 'round-robin'
  if (word === 'ip_hash' || word.startsWith('hash ')) return 'ip-hash'
  if (word === 'least_conn') return 'least-connections'
  warnings.push(`loadbalance "${word}" is not known: ip_hash and least_conn are; requests go round`)
  return 'round-robin'
}

function keepAliveOf(text: string | undefined, servers: number): number {
  if (text === 'disabled') return 0
  const count = Number(text)
  return text !== undefined && text !== 'auto' && Number.isInteger(count) && count >= 0
    ? Math.min(count, 1_024)
    : Math.max(2, 2 * servers)
}

function policyOf(text: string | undefined, warnings: string[]): TlsPolicyName | undefined {
  if (text === undefined) return undefined
  const policy = TLS_POLICIES.find((name) => name === text)
  if (!policy) warnings.push(`SSL_POLICY=${text} is not known: ${TLS_POLICIES.join(', ')} are`)
  return policy
}

function oneOf<const Words extends readonly string[]>(
  text: string | undefined,
  words: Words,
  { name, warnings }: { name: string; warnings: string[] },
): Words[number] | undefined {
  if (text === undefined || words.includes(text)) return text
  warnings.push(`${name}=${text} is not known: ${words.join(', ')} are`)
  return undefined
}

/** Labels that would protect something, and are not done. */
function refusedLabels(claims: readonly Claim[]): string[] {
  return claims.flatMap(({ container }) =>
    labelOf(container, 'ssl_verify_client') === undefined
      ? []
      : [`${container.name} asks for client certificates (ssl_verify_client), which are not checked here`],
  )
}
