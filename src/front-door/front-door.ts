import type { IncomingMessage, ServerResponse } from 'node:http'
import { BlockList, isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import {
  type ConnectionFacts,
  type DoorAddress,
  type DoorListener,
  type DoorRequest,
  type DoorResponse,
  type NamePolicy,
  openDoorListener,
} from './door-listener.ts'
import { sendPage, sendText } from './error-pages.ts'
import { parseAuthority } from './host-name.ts'
import type { HostTable } from './host-table.ts'
import type { CertificateSource, ChallengeSource } from './ports.ts'
import type { Site } from './site.ts'
import type { TlsPolicyName } from './site-declaration.ts'
import type { SiteHandler, SiteRequest } from './site-handler.ts'

/** Where a CA asks its questions (RFC 8555 section 8.3). */
const CHALLENGE_PATH = '/.well-known/acme-challenge/'
/** What a health check asks, by address rather than by name. */
const HEALTH_PATHS: ReadonlySet<string> = new Set(['/livez', '/readyz'])

/** What the front door is made of. */
export interface FrontDoorParts {
  readonly certificates: CertificateSource
  readonly challenges: ChallengeSource
  readonly handler: SiteHandler
  /** Answers `/livez` and `/readyz` of hosts that are no site. */
  readonly health: (request: IncomingMessage, response: ServerResponse) => void
  /** Addresses (CIDR) whose `X-Forwarded-*` headers count. */
  readonly trustedProxies: readonly string[]
  /** Addresses (CIDR) that begin connections with a PROXY header. */
  readonly proxyProtocolFrom: readonly string[]
  /** For hosts that do not say it, and for handshakes without a name. */
  readonly tlsPolicy: TlsPolicyName
  readonly newRequestId: () => string
}

/** The listeners and the table of hosts behind them. */
export interface FrontDoor {
  /** Starts to listen. Errors: those of the system. */
  listen(address: DoorAddress, options: { isTls: boolean }): Promise<DoorListener>
  /** Replaces the table. Requests under way end as they began; the next ones see the new table. */
  setSites(sites: HostTable<Site>): void
}

/** Creates a front door without listeners, in front of no site. */
export function createFrontDoor(parts: FrontDoorParts, sites: HostTable<Site>): FrontDoor {
  const state = { sites }
  const isTrusted = createAddressMatcher(parts.trustedProxies)
  const isProxyTrusted = createAddressMatcher(parts.proxyProtocolFrom)
  const finder = createTlsFinder(parts, () => state.sites)
  const door = { parts, isTrusted, finder, sites: () => state.sites }
  return {
    listen: (address, { isTls }) =>
      openDoorListener(address, {
        isTls,
        hasProxies: parts.proxyProtocolFrom.length > 0,
        ports: {
          tlsFor: finder.policyOf,
          contextFor: finder.contextOf,
          challengeFor: (name) => parts.challenges.alpnContext(name),
          isProxyTrusted,
          handle: (request, response, facts) => serve(door, { request, response, facts }),
          upgrade: (request, opened) => upgrade(door, request, opened),
        },
      }),
    setSites(next) {
      state.sites = next
    },
  }
}

interface Door {
  readonly parts: FrontDoorParts
  readonly isTrusted: (address: string) => boolean
  readonly finder: TlsFinder
  readonly sites: () => HostTable<Site>
}

interface Arrival {
  readonly request: DoorRequest
  readonly response: DoorResponse
  readonly facts: ConnectionFacts
}

function serve(door: Door, { request, response, facts }: Arrival): void {
  const found = find(door, request, facts)
  switch (found.kind) {
    case 'site':
      void door.parts.handler.serve({ ...found.exchange, response })
      return
    case 'challenge':
      sendText(response, 200, found.answer)
      return
    case 'redirect':
      response.setHeader('location', found.location)
      sendPage(response, found.status)
      return
    case 'health':
      door.parts.health(request as IncomingMessage, response as ServerResponse)
      return
    case 'page':
      sendPage(response, found.status)
      return
    default:
      found satisfies never
  }
}

function upgrade(
  door: Door,
  request: IncomingMessage,
  { socket, head, facts }: { socket: Duplex; head: Buffer; facts: ConnectionFacts },
): void {
  const found = find(door, request, facts)
  if (found.kind === 'site') {
    void door.parts.handler.upgrade(found.exchange, socket, head)
    return
  }
  const status = found.kind === 'page' || found.kind === 'redirect' ? found.status : 400
  const location = found.kind === 'redirect' ? `Location: ${found.location}\r\n` : ''
  socket.end(`HTTP/1.1 ${status} \r\n${location}Connection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** What is to be done with a request. */
type Found =
  | { readonly kind: 'site'; readonly exchange: Omit<SiteRequest, 'response'> }
  | { readonly kind: 'challenge'; readonly answer: string }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  | { readonly kind: 'health' }
  | { readonly kind: 'page'; readonly status: 400 | 421 | 503 }

const BAD_REQUEST: Found = { kind: 'page', status: 400 }
const MISDIRECTED: Found = { kind: 'page', status: 421 }
const UNAVAILABLE: Found = { kind: 'page', status: 503 }

function find(door: Door, request: DoorRequest, facts: ConnectionFacts): Found {
  const target = request.url ?? '/'
  if (target.startsWith(CHALLENGE_PATH)) {
    const answer = door.parts.challenges.httpAnswer(target.slice(CHALLENGE_PATH.length))
    if (answer !== undefined) return { kind: 'challenge', answer }
  }
  const text = hostOf(request)
  const authority = text === undefined ? undefined : parseAuthority(text)
  if (text === undefined || authority === undefined) return BAD_REQUEST
  const site = door.sites().find(authority.host)
  if (facts.scheme === 'https' && !door.finder.mayServe(facts.serverName, authority.host)) return MISDIRECTED
  if (!site) return HEALTH_PATHS.has(target) && isHttp1(request) ? { kind: 'health' } : UNAVAILABLE
  return (
    judgeScheme(door, { request, facts, site, authority: text }) ?? {
      kind: 'site',
      exchange: {
        request,
        site,
        scheme: facts.scheme,
        host: authority.host,
        authority: text,
        remoteAddress: facts.remoteAddress,
        remotePort: facts.remotePort,
        serverPort: facts.localPort,
        isPeerTrusted: door.isTrusted(facts.remoteAddress),
        requestId: door.parts.newRequestId(),
      },
    }
  )
}

/** Whether this scheme is served, by nginx-proxy's `HTTPS_METHOD`; undefined: it is. */
function judgeScheme(
  door: Door,
  asked: { request: DoorRequest; facts: ConnectionFacts; site: Site; authority: string },
): Found | undefined {
  const { request, facts, site } = asked
  const { httpsMethod, source } = site.declaration
  // The handshake of such a host is refused; only a connection of another one with its certificate comes here.
  if (facts.scheme === 'https') return httpsMethod === 'nohttps' ? UNAVAILABLE : undefined
  if (httpsMethod === 'noredirect' || httpsMethod === 'nohttps') return undefined
  if (isForwardedHttps(door, request, facts)) return undefined
  const host = parseAuthority(asked.authority)?.host ?? ''
  const hasCertificate = door.finder.contextOf(host) !== undefined
  // Passwords of the registry never cross the network in the clear, certificate or not.
  if (!hasCertificate) return source.kind === 'registry' ? UNAVAILABLE : undefined
  if (httpsMethod === 'nohttp') return UNAVAILABLE
  return redirectToTls(request, { site, host })
}

function redirectToTls(request: DoorRequest, { site, host }: { site: Site; host: string }): Found {
  const { externalHttpsPort, nonGetRedirect } = site.declaration
  const port = externalHttpsPort === undefined || externalHttpsPort === 443 ? '' : `:${externalHttpsPort}`
  const isGet = request.method === 'GET' || request.method === 'HEAD'
  const name = host.includes(':') ? `[${host}]` : host
  const target = request.url?.startsWith('/') ? request.url : '/'
  return {
    kind: 'redirect',
    status: isGet ? 301 : nonGetRedirect,
    location: `https://${name}${port}${target}`,
  }
}

/** A trusted proxy before us has done TLS already. */
function isForwardedHttps({ isTrusted }: Door, request: DoorRequest, facts: ConnectionFacts): boolean {
  return request.headers['x-forwarded-proto'] === 'https' && isTrusted(facts.remoteAddress)
}

function hostOf(request: DoorRequest): string | undefined {
  return isHttp1(request) ? request.headers.host : (request.authority ?? request.headers.host)
}

function isHttp1(request: DoorRequest): request is IncomingMessage {
  return request.httpVersionMajor === 1
}

/** Chooses certificates by name. */
interface TlsFinder {
  policyOf(serverName: string | undefined): NamePolicy | undefined
  contextOf(serverName: string | undefined): SecureContext | undefined
  /** Whether a request for a host may come over a connection that was opened for a name (RFC 9110 section 7.4). */
  mayServe(serverName: string | undefined, host: string): boolean
}

function createTlsFinder(parts: FrontDoorParts, sites: () => HostTable<Site>): TlsFinder {
  const policyOf = (serverName: string | undefined): NamePolicy | undefined => {
    if (contextOf(serverName) === undefined) return undefined
    const site = serverName === undefined ? undefined : sites().find(serverName)
    const isRegistry = site?.declaration.source.kind === 'registry'
    return {
      policy: site?.declaration.tlsPolicy ?? parts.tlsPolicy,
      http2: site !== undefined && !isRegistry && site.declaration.http2,
    }
  }
  const contextOf = (serverName: string | undefined): SecureContext | undefined => {
    const site = serverName === undefined ? undefined : sites().find(serverName)
    if (site?.declaration.httpsMethod === 'nohttps') return undefined
    return parts.certificates.find(serverName, {
      certificateName: site?.declaration.certificateName,
      policy: site?.declaration.tlsPolicy ?? parts.tlsPolicy,
      isSite: site !== undefined,
    })
  }
  return {
    policyOf,
    contextOf,
    mayServe(serverName, host) {
      if (serverName === host) return true
      const own = contextOf(host)
      return own === undefined ? sites().findOwn(host) === undefined : own === contextOf(serverName)
    },
  }
}

/** Tells whether an address lies in one of some networks; cheap for the usual empty list. */
export function createAddressMatcher(networks: readonly string[]): (address: string) => boolean {
  if (networks.length === 0) return () => false
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
