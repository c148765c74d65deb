import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import type { AnswerGate } from './answer-gate.ts'
import { type ClientDemand, dropClientClaims, judgeClient } from './client-certificates.ts'
import type { DoorAddress } from './door-address.ts'
import { type DoorListener, openDoorListener } from './door-listener.ts'
import type { ConnectionFacts, DoorOptions } from './door-ports.ts'
import { CERTIFICATE_MISSING, CERTIFICATE_REFUSED, sendPage, sendText } from './error-pages.ts'
import type { HostTable } from './host-table.ts'
import type { DoorRequest, DoorResponse } from './http-servers.ts'
import { createAddressMatcher, UNIX_ADDRESS } from './network-address.ts'
import type { CertificateSource, ChallengeSource } from './ports.ts'
import { isHttp1, type RequestTarget, readRequestTarget } from './request-target.ts'
import type { Site } from './site.ts'
import type { TlsPolicyName } from './site-declaration.ts'
import { setHsts } from './site-exchange.ts'
import type { SiteHandler, SiteRequest } from './site-handler.ts'
import { createTlsFinder, type TlsFinder } from './tls-finder.ts'
import { findVisitor } from './visitor-address.ts'
import { visitorPortOf } from './visitor-port.ts'

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
  /** Requests wait until it is open; undefined: they do not wait. */
  readonly gate?: AnswerGate
  /** Addresses (CIDR) that begin connections with a PROXY header. */
  readonly proxyProtocolFrom: readonly string[]
  /** Whether those addresses must do so on each connection; `optional` if undefined. */
  readonly proxyProtocol?: 'optional' | 'required'
  /** For hosts that do not say it, and for handshakes without a name. */
  readonly tlsPolicy: TlsPolicyName
  /** Port of visitors for TLS, where a host does not say it; 443 if undefined. */
  readonly externalHttpsPort?: number
  /** Port of visitors for plain HTTP, where a host does not say it; the one listened on if undefined. */
  readonly externalHttpPort?: number | undefined
  /** See {@link DoorOptions}; addresses of this machine and of trusted proxies are not counted. */
  readonly maxConnections?: number
  readonly maxConnectionsPerAddress?: number
  readonly newRequestId: () => string
  /** Where other processes take the same visitors' connections: what their tickets are made of. */
  readonly ticketSecret?: Uint8Array | undefined
  /** Is told of client certificates that are not taken, and why by OpenSSL's name of it. */
  readonly onClientRefused?: (refused: { host: string; remoteAddress: string; reason: string }) => void
  /** Is told what should never happen; the request gets 500. */
  readonly logFailure: (error: unknown) => void
}

/** The listeners and the table of hosts behind them. */
export interface FrontDoor {
  /** Starts to listen. Errors: those of the system. */
  listen(address: DoorAddress, options: { isTls: boolean }): Promise<DoorListener>
  /** Replaces the table. Requests under way end as they began; the next ones see the new table. */
  setSites(sites: HostTable<Site>): void
}

/** Creates a front door without listeners. */
export function createFrontDoor(parts: FrontDoorParts, sites: HostTable<Site>): FrontDoor {
  const state = { sites }
  const finder = createTlsFinder(parts, () => state.sites)
  const isTrusted = createAddressMatcher(parts.trustedProxies)
  const door: Door = { parts, isTrusted, finder, sites: () => state.sites }
  const options = toOptions(door)
  return {
    listen: (address, { isTls }) => openDoorListener(address, { ...options, isTls }),
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

function toOptions(door: Door): Omit<DoorOptions, 'isTls'> {
  const { parts, finder, isTrusted } = door
  const pass = (answer: () => void): void => (parts.gate ? parts.gate.pass(answer) : answer())
  return {
    proxyProtocol: parts.proxyProtocolFrom.length === 0 ? 'none' : (parts.proxyProtocol ?? 'optional'),
    ...(parts.maxConnections !== undefined && { maxConnections: parts.maxConnections }),
    ...(parts.maxConnectionsPerAddress !== undefined && { maxPerAddress: parts.maxConnectionsPerAddress }),
    ports: {
      tlsFor: finder.policyOf,
      contextFor: finder.contextOf,
      hostAt: finder.hostAt,
      challengeFor: (name) => parts.challenges.alpnContext(name),
      ticketSecret: parts.ticketSecret,
      isProxyTrusted: createAddressMatcher(parts.proxyProtocolFrom),
      isCounted: (address) => !isOwnAddress(address) && !isTrusted(address),
      handle: (request, response, facts) => pass(() => serve(door, { request, response, facts })),
      shouldUpgrade: (request, facts) => shouldUpgrade(door, request, facts),
      upgrade: (request, opened) => pass(() => upgrade(door, request, opened)),
      logFailure: parts.logFailure,
    },
  }
}

/** A proxy on this machine speaks for everybody. */
function isOwnAddress(address: string): boolean {
  return address === UNIX_ADDRESS || address === '::1' || (address.startsWith('127.') && isIP(address) === 4)
}

interface Arrival {
  readonly request: DoorRequest
  readonly response: DoorResponse
  readonly facts: ConnectionFacts
}

function serve(door: Door, { request, response, facts }: Arrival): void {
  const fail = (error: unknown): void => {
    door.parts.logFailure(error)
    sendPage(response, 500)
  }
  try {
    const found = find(door, request, facts)
    if (found.kind === 'site') door.parts.handler.serve({ ...found.exchange, response }).catch(fail)
    else answer(door, found, { request, response, facts })
  } catch (error) {
    fail(error)
  }
}

/** Answers what is no site's business. */
function answer(door: Door, found: Exclude<Found, { kind: 'site' }>, { request, response }: Arrival): void {
  switch (found.kind) {
    case 'challenge':
      sendText(response, 200, found.answer)
      return
    case 'redirect':
      door.parts.handler.observe({ ...found.exchange, response })
      response.setHeader('location', found.location)
      sendPage(response, found.status)
      return
    case 'refused':
      door.parts.handler.observe({ ...found.exchange, response })
      setHsts(response, found.exchange)
      endConnection(response)
      sendPage(response, found.status)
      return
    case 'health':
      door.parts.health(request as IncomingMessage, response as ServerResponse)
      return
    case 'page':
      if (found.exchange) setHsts(response, found.exchange)
      sendPage(response, found.status)
      return
    default:
      found satisfies never
  }
}

/** What a client showed of itself holds for all of a connection: to show something else it needs another. */
function endConnection(response: DoorResponse): void {
  if (response.req.httpVersionMajor === 1) response.setHeader('connection', 'close')
  else (response as Http2ServerResponse).stream.session?.close()
}

/** What is no site's, or not passed on, answers as it does to any request. */
function shouldUpgrade(door: Door, request: IncomingMessage, facts: ConnectionFacts): boolean {
  try {
    const found = find(door, request, facts)
    return found.kind === 'site' && door.parts.handler.mayUpgrade(found.exchange)
  } catch {
    // It will be thrown again, and told, where the request is answered.
    return false
  }
}

function upgrade(
  door: Door,
  request: IncomingMessage,
  { socket, head, facts }: { socket: Duplex; head: Buffer; facts: ConnectionFacts },
): void {
  const fail = (error: unknown): void => {
    door.parts.logFailure(error)
    socket.destroy()
  }
  try {
    const found = find(door, request, facts)
    if (found.kind === 'site') door.parts.handler.upgrade(found.exchange, socket, head).catch(fail)
    else socket.destroy()
  } catch (error) {
    fail(error)
  }
}

/** What is to be done with a request. */
type Found =
  | { readonly kind: 'site'; readonly exchange: Omit<SiteRequest, 'response'> }
  | { readonly kind: 'challenge'; readonly answer: string }
  | {
      readonly kind: 'redirect'
      readonly status: number
      readonly location: string
      readonly exchange: Omit<SiteRequest, 'response'>
    }
  | { readonly kind: 'health' }
  /** By what its client showed of itself. */
  | {
      readonly kind: 'refused'
      readonly status: 421 | typeof CERTIFICATE_MISSING | typeof CERTIFICATE_REFUSED
      readonly exchange: Omit<SiteRequest, 'response'>
    }
  | {
      readonly kind: 'page'
      readonly status: 400 | 421 | 503
      /** Set where it is a site's. */
      readonly exchange?: Omit<SiteRequest, 'response'>
    }

const BAD_REQUEST: Found = { kind: 'page', status: 400 }
const MISDIRECTED: Found = { kind: 'page', status: 421 }
const UNAVAILABLE: Found = { kind: 'page', status: 503 }

function find(door: Door, request: DoorRequest, facts: ConnectionFacts): Found {
  const target = readRequestTarget(request)
  if (!target) return BAD_REQUEST
  // What comes in absolute form goes on in the usual one.
  if (target.target !== request.url) request.url = target.target
  const challenge = findChallenge(door, request, target)
  if (challenge) return challenge
  if (facts.scheme === 'https' && !door.finder.mayServe(facts.serverName, target.host)) return MISDIRECTED
  const site = door.sites().find(target.host)
  if (!site) {
    return HEALTH_PATHS.has(target.target) && isHttp1(request) ? { kind: 'health' } : UNAVAILABLE
  }
  const asked = { request, facts, site, target }
  const demand = door.finder.demandOf(site)
  return (
    judgeDemand(door, asked, demand) ??
    judgeScheme(door, asked, demand) ?? { kind: 'site', exchange: toExchange(door, asked) }
  )
}

/** Whether the client showed the certificate that this host asks for; undefined: it did, or need not. */
function judgeDemand(door: Door, asked: Asked, demand: ClientDemand): Found | undefined {
  if (demand.kind === 'none') return undefined
  if (demand.kind === 'closed') return closed(door, asked)
  const { request, facts } = asked
  dropClientClaims(request.headers)
  if (facts.scheme === 'http') return undefined
  const verdict = judgeClient(demand, facts.client)
  if (verdict === 'fine') return undefined
  const exchange = toExchange(door, asked)
  if (verdict === 'bad') {
    const { host, remoteAddress } = exchange
    door.parts.onClientRefused?.({ host, remoteAddress, reason: facts.client?.error ?? '' })
  }
  return { kind: 'refused', status: REFUSALS[verdict], exchange }
}

const REFUSALS = { elsewhere: 421, missing: CERTIFICATE_MISSING, bad: CERTIFICATE_REFUSED } as const

function closed(door: Door, asked: Asked): Found {
  return { kind: 'page', status: 503, exchange: toExchange(door, asked) }
}

interface Asked {
  readonly request: DoorRequest
  readonly facts: ConnectionFacts
  readonly site: Site
  readonly target: RequestTarget
}

function toExchange(door: Door, { request, facts, site, target }: Asked): Omit<SiteRequest, 'response'> {
  const { remoteAddress: peerAddress, remotePort, localPort, scheme } = facts
  const isPeerTrusted = door.isTrusted(peerAddress)
  return {
    request,
    site,
    scheme,
    host: target.host,
    authority: target.authority,
    remoteAddress: findVisitor(peerAddress, request.headers['x-forwarded-for'], door.isTrusted),
    peerAddress,
    remotePort,
    serverPort: localPort,
    visitorPort: visitorPortOf(request.headers, {
      scheme,
      isPeerTrusted,
      own: site.declaration,
      door: door.parts,
    }),
    isPeerTrusted,
    // Shown to CAs that count no more it proves nothing.
    client: facts.client && door.finder.demandOf(site).kind === 'asked' ? facts.client : undefined,
    requestId: door.parts.newRequestId(),
  }
}

/** A CA asks before there is a certificate, over either scheme, and has no password. */
function findChallenge(door: Door, { method }: DoorRequest, { target }: RequestTarget): Found | undefined {
  if (!target.startsWith(CHALLENGE_PATH) || (method !== 'GET' && method !== 'HEAD')) return undefined
  const answer = door.parts.challenges.httpAnswer(target.slice(CHALLENGE_PATH.length))
  return answer === undefined ? undefined : { kind: 'challenge', answer }
}

/** Whether this scheme is served, by nginx-proxy's `HTTPS_METHOD`; undefined: it is. */
function judgeScheme(door: Door, asked: Asked, demand: ClientDemand): Found | undefined {
  const { request, facts, site, target } = asked
  const { httpsMethod, source } = site.declaration
  // The handshake of such a host is refused, unless there is a default certificate to say so with.
  if (facts.scheme === 'https') return httpsMethod === 'nohttps' ? UNAVAILABLE : undefined
  // Without TLS nobody can show a certificate, and who stands behind a proxy that did it has shown none to us.
  const mustShow = demand.kind === 'asked' && demand.mode === 'on'
  if (!mustShow && (httpsMethod === 'noredirect' || httpsMethod === 'nohttps')) return undefined
  if (isForwardedHttps(door, request, facts)) {
    return mustShow
      ? { kind: 'refused', status: CERTIFICATE_MISSING, exchange: toExchange(door, asked) }
      : undefined
  }
  const hasCertificate = door.finder.contextOf(target.host) !== undefined
  // Passwords of the registry never cross the network in the clear, certificate or not.
  if (!hasCertificate) {
    if (source.kind === 'registry' || mustShow) return UNAVAILABLE
    if (site.declaration.httpWithoutCert) return undefined
  }
  if (httpsMethod === 'nohttp') return UNAVAILABLE
  return redirectToTls(door, asked)
}

function redirectToTls(door: Door, asked: Asked): Found {
  const { parts } = door
  const { request, site, target } = asked
  const { externalHttpsPort = parts.externalHttpsPort ?? 443, nonGetRedirect } = site.declaration
  const isGet = request.method === 'GET' || request.method === 'HEAD'
  const name = target.host.includes(':') ? `[${target.host}]` : target.host
  const path = target.target === '*' ? '/' : target.target
  return {
    kind: 'redirect',
    status: isGet ? 301 : nonGetRedirect,
    exchange: toExchange(door, asked),
    location: `https://${name}${externalHttpsPort === 443 ? '' : `:${externalHttpsPort}`}${path}`,
  }
}

/** A trusted proxy before us has done TLS already. */
function isForwardedHttps({ isTrusted }: Door, request: DoorRequest, facts: ConnectionFacts): boolean {
  return request.headers['x-forwarded-proto'] === 'https' && isTrusted(facts.remoteAddress)
}
