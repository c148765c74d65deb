import { quote } from '../../sites/quote.ts'
import type {
  PathDeclaration,
  SiteDeclaration,
  UpstreamDeclaration,
  UpstreamServer,
} from '../../sites/site-declaration.ts'
import type { ContainerFacts } from '../facts/container-facts.ts'
import { describeOutage, type Outage } from '../facts/container-outage.ts'
import type { OwnPlace } from '../facts/own-networks.ts'
import { chooseAddress, choosePort } from './container-address.ts'
import { coversHost, readAcmeWishes } from './container-wish.ts'
import { type DeclaredHost, type DeclaredPath, type LostHost, readDeclared } from './declared-hosts.ts'
import { readHostPattern } from './host-pattern.ts'
import {
  type ContainerDefaults,
  createSpokesman,
  noteUnknownLabels,
  readPoolSettings,
  readSiteSettings,
  type Spokesman,
} from './site-settings.ts'

export type { ContainerDefaults } from './site-settings.ts'

/** Most warnings kept for a host: a hundred containers with one mistake need not repeat it a hundred times. */
const MAX_WARNINGS = 20
/** Protocols of servers. */
const PROTOCOLS = ['http', 'https', 'h2c', 'grpc', 'grpcs'] as const

/** A container that declares a host. */
interface Claim {
  readonly container: ContainerFacts
  readonly declared: DeclaredHost
  /** The first host that it declares. */
  readonly isFirst: boolean
}

/**
 * The hosts that containers declare. Pure. Containers with the same host and path are servers of one upstream; where
 * they disagree the oldest that runs counts. A host whose containers are stopped has no servers, but still exists. A
 * faulty declaration of a container does not touch hosts of others.
 */
export function declareContainers(
  containers: readonly ContainerFacts[],
  place: OwnPlace,
  defaults: ContainerDefaults,
): SiteDeclaration[] {
  return createContainerDeclarer(defaults)(containers, place)
}

/** {@link declareContainers}, which computes only the hosts of changed containers anew. */
export function createContainerDeclarer(
  defaults: ContainerDefaults,
): (containers: readonly ContainerFacts[], place: OwnPlace) => SiteDeclaration[] {
  let memory = new Map<string, Remembered>()
  let where = ''
  return (containers, place) => {
    const here = JSON.stringify([place, [...(place.drivers ?? [])]])
    if (here !== where) memory = new Map()
    where = here
    const defaultHost = parsePattern(defaults.defaultHost)
    const next = new Map<string, Remembered>()
    for (const [host, claims] of collectClaims(containers)) {
      const known = memory.get(host)
      const isSame =
        known?.claims.length === claims.length &&
        known.claims.every(({ container }, at) => container === claims[at]?.container)
      const around = { place, defaults, isDefault: host === defaultHost }
      next.set(host, isSame ? known : { claims, declaration: declareHost(host, claims, around) })
    }
    memory = next
    return [...next.values()].map(({ declaration }) => declaration)
  }
}

interface Remembered {
  readonly claims: readonly Claim[]
  readonly declaration: SiteDeclaration
}

function collectClaims(containers: readonly ContainerFacts[]): Map<string, Claim[]> {
  const claims = new Map<string, Claim[]>()
  for (const container of [...containers].sort(byPrecedence)) {
    for (const [index, declared] of readDeclared(container).hosts.entries()) {
      const claim = { container, declared, isFirst: index === 0 }
      const others = claims.get(declared.host)
      if (others) others.push(claim)
      else claims.set(declared.host, [claim])
    }
  }
  return claims
}

/** A declaration of a container that has no effect, as it cannot be parsed. */
export interface LostContainer extends LostHost {
  readonly container: string
}

/** Faults of containers that belong to no host. */
export function findLostContainers(containers: readonly ContainerFacts[]): LostContainer[] {
  return containers.flatMap((container) =>
    readDeclared(container).lost.map((lost) => ({ container: container.name, ...lost })),
  )
}

/**
 * Running ones first, by age; then those that do not run, the newest first, as the latest choice of the operator. Ids
 * and names only order equals, so that the order is always the same.
 */
function byPrecedence(a: ContainerFacts, b: ContainerFacts): number {
  if (isLive(a) !== isLive(b)) return isLive(a) ? -1 : 1
  const age = isLive(a) ? a.createdAt - b.createdAt : b.createdAt - a.createdAt
  return age || (a.name < b.name ? -1 : 1)
}

function isLive({ state }: ContainerFacts): boolean {
  return state === 'running'
}

function parsePattern(host: string | undefined): string | undefined {
  if (host === undefined) return undefined
  const reading = readHostPattern(host)
  return 'cause' in reading ? undefined : reading.value
}

interface Surroundings {
  readonly place: OwnPlace
  readonly defaults: ContainerDefaults
}

function declareHost(
  host: string,
  claims: readonly Claim[],
  around: Surroundings & { readonly isDefault: boolean },
): SiteDeclaration {
  const warnings = new Set<string>()
  const note = (text: string): void => {
    if (warnings.size < MAX_WARNINGS) warnings.add(text)
  }
  const all = claims.map(({ container }) => container)
  // Stopped containers of former runs do not count while one runs.
  const live = all.filter(isLive)
  const voters = live.length > 0 ? live : all
  const spokesman = createSpokesman(voters, isLive, note)
  for (const { container, declared } of claims) {
    if (!voters.includes(container)) continue
    for (const text of declared.notes) note(`${container.name}: ${text}`)
    for (const { cause, fix } of readDeclared(container).lost) note(`${container.name}: ${cause}. ${fix}`)
    noteUnknownLabels(container, note)
  }
  const paths = declarePaths(host, claims, { ...around, spokesman })
  const settings = readSiteSettings(voters, spokesman, around.defaults)
  const ports = claims.map(({ declared }) => declared)
  return {
    host,
    source: { kind: 'docker', containers: all.map(({ name }) => name) },
    ...settings,
    externalHttpPort: ports.find(({ externalHttpPort }) => externalHttpPort !== undefined)?.externalHttpPort,
    externalHttpsPort: ports.find(({ externalHttpsPort }) => externalHttpsPort !== undefined)
      ?.externalHttpsPort,
    isDefault: around.isDefault,
    paths,
    acme: findWish(host, claims, { voters, note }),
    warnings: [...warnings],
  }
}

/** The certificate wish for a host; one that covers no host of its container belongs to the first of these. */
function findWish(
  host: string,
  claims: readonly Claim[],
  { voters, note }: { voters: readonly ContainerFacts[]; note: (text: string) => void },
): SiteDeclaration['acme'] {
  const read = claims.map(({ container, isFirst }) => ({ container, isFirst, ...readAcmeWishes(container) }))
  for (const { container, notes } of read) {
    if (voters.includes(container)) for (const text of notes) note(`${container.name}: ${text}`)
  }
  for (const { wishes } of read) {
    const found =
      wishes.find((wish) => wish.hosts.includes(host)) ?? wishes.find((wish) => coversHost(wish, host))
    if (found) return found
  }
  for (const { container, isFirst, wishes } of read) {
    const own = readDeclared(container).hosts.map((declared) => declared.host)
    const isHomeless = wishes.every((wish) => own.every((each) => !coversHost(wish, each)))
    if (isFirst && isHomeless && wishes[0]) return wishes[0]
  }
  return undefined
}

interface PathSurroundings extends Surroundings {
  readonly spokesman: Spokesman
}

interface Member {
  readonly container: ContainerFacts
  readonly declared: DeclaredPath
}

function declarePaths(host: string, claims: readonly Claim[], around: PathSurroundings): PathDeclaration[] {
  const byPath = new Map<string, Member[]>()
  for (const { container, declared } of claims) {
    for (const path of declared.paths) {
      const members = byPath.get(path.path) ?? []
      byPath.set(path.path, [...members, { container, declared: path }])
    }
  }
  // None of its paths is valid: it answers 503, and does not fall to a wildcard of another.
  if (byPath.size === 0) return [emptyPath(host)]
  return [...byPath].map(([path, members]) => declarePath(host, path, { ...around, members }))
}

function emptyPath(host: string): PathDeclaration {
  const cause = 'None of its paths can be understood'
  const fix = 'Mend VIRTUAL_PATH of its container'
  const upstream: UpstreamDeclaration = {
    name: `${host} /`,
    protocol: 'http',
    servers: [],
    outage: { cause, fix },
    balance: 'round-robin',
    keepAlive: 0,
  }
  return { path: '/', destination: '', target: { kind: 'upstream', upstream } }
}

function declarePath(
  host: string,
  path: string,
  around: PathSurroundings & { readonly members: readonly Member[] },
): PathDeclaration {
  const { members, spokesman } = around
  const live = members.filter(({ container }) => isLive(container))
  const [first] = members
  const destination = first?.declared.destination ?? ''
  const other = live.find(({ declared }) => declared.destination !== destination)
  if (first && other) {
    spokesman.note(
      `${first.container.name} and ${other.container.name} disagree on VIRTUAL_DEST of ${path}: ${quote(destination)} counts, from the container that is older`,
    )
  }
  const outage = live.length === 0 ? describeOutage(members.map(({ container }) => container)) : undefined
  if (outage) spokesman.note(`${path} answers 503: ${outage.cause}. ${outage.fix}`)
  const upstream = declareUpstream(`${host} ${path}`, live, { ...around, outage })
  return { path, destination, target: { kind: 'upstream', upstream } }
}

function declareUpstream(
  name: string,
  live: readonly Member[],
  around: PathSurroundings & { readonly outage: Outage | undefined },
): UpstreamDeclaration {
  const { spokesman, outage } = around
  const spoken = live.map(({ declared }) => findProtocol(declared))
  const protocol = spoken.find((each) => each !== undefined) ?? 'http'
  const other = live.find((_member, index) => spoken[index] !== undefined && spoken[index] !== protocol)
  if (other) {
    spokesman.note(
      `${other.container.name} says VIRTUAL_PROTO=${findProtocol(other.declared)}, but ${protocol} counts, from a container that is older`,
    )
  }
  return {
    name,
    protocol,
    servers: live.map((member) => declareServer(member, around)),
    ...(outage && { outage }),
    ...readPoolSettings(spokesman),
  }
}

/** Undefined: a protocol that Berth does not speak. */
function findProtocol({ protocol = 'http' }: DeclaredPath): UpstreamDeclaration['protocol'] | undefined {
  return PROTOCOLS.find((each) => each === protocol.toLowerCase())
}

function declareServer({ container, declared }: Member, around: PathSurroundings): UpstreamServer {
  const { spokesman, place, defaults } = around
  const { name, health } = container
  const { port, note, problem } = choosePort(container, declared.port)
  const address = chooseAddress(container, place, defaults.preferIpv6)
  const why =
    whyNotSpoken(name, declared) ??
    (declared.problem === undefined ? undefined : `${name}: ${declared.problem}`) ??
    problem ??
    ('problem' in address ? address.problem : undefined)
  if (note !== undefined && why === undefined) spokesman.note(note)
  // Without an address it is shown by its name, and never connected to.
  return { host: 'host' in address ? address.host : name, port, name, health, problem: why }
}

function whyNotSpoken(name: string, declared: DeclaredPath): string | undefined {
  if (findProtocol(declared)) return undefined
  return `${name} says VIRTUAL_PROTO=${quote(declared.protocol ?? '')}, which is not spoken here (${PROTOCOLS.join(', ')} are). Put an HTTP server before it`
}
