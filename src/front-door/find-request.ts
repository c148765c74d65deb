import type { IncomingHttpHeaders } from 'node:http'
import type { Door } from './door.ts'
import type { SiteVisit } from './exchange/site-handler.ts'
import type { DoorRequest } from './listen/http/messages/door-request.ts'
import { isHttp1, type RequestTarget, readRequestTarget } from './listen/http/messages/request-target.ts'
import { CERTIFICATE_MISSING, CERTIFICATE_REFUSED } from './listen/http/refusals/error-pages.ts'
import { type ClientDemand, judgeClient, withoutClientClaims } from './sites/client-certificates.ts'
import type { Site } from './sites/site.ts'
import { findVisitorPort } from './visit/find-visitor-port.ts'
import { spreadForwarded } from './visit/forwarded-header.ts'
import type { Visit } from './visit/visit.ts'

/** Path of a CA's checks (RFC 8555 section 8.3). */
const CHALLENGE_PATH = '/.well-known/acme-challenge/'
/** Paths of health checks, which come by address rather than by name. */
const HEALTH_PATHS: ReadonlySet<string> = new Set(['/livez', '/startupz', '/readyz'])

/** Decision about a request. */
export type Found =
  | { readonly kind: 'site'; readonly visit: SiteVisit }
  | { readonly kind: 'challenge'; readonly answer: string }
  | {
      readonly kind: 'challenge-file'
      readonly folder: string
      readonly token: string
      readonly target: RequestTarget
    }
  | {
      readonly kind: 'redirect'
      readonly status: number
      readonly location: string
      readonly visit: SiteVisit
    }
  | { readonly kind: 'health' }
  /** Refused by its client certificate. */
  | {
      readonly kind: 'refused'
      readonly status: 421 | typeof CERTIFICATE_MISSING | typeof CERTIFICATE_REFUSED
      readonly visit: SiteVisit
    }
  | {
      readonly kind: 'page'
      readonly status: 400 | 421 | 503
      /** Set if it is a site's. */
      readonly visit?: SiteVisit
    }

const BAD_REQUEST: FoundBehind = { kind: 'page', status: 400 }
const MISDIRECTED: FoundBehind = { kind: 'page', status: 421 }
const UNAVAILABLE: FoundBehind = { kind: 'page', status: 503 }

/** The kinds of {@link Found} for a request that is no check of a CA. */
export type FoundBehind = Exclude<Found, { kind: 'challenge-file' }>

/** Decides about a request. */
export function find(door: Door, request: DoorRequest, visit: Visit): Found {
  const target = readRequestTarget(request, visit)
  if (!target) return BAD_REQUEST
  const challenge = findChallenge(door, request, target)
  return challenge ?? findBehind(door, { request, visit }, target)
}

/** Decides about a request that is no check of a CA. */
export function findBehind(
  door: Door,
  { request, visit }: { request: DoorRequest; visit: Visit },
  target: RequestTarget,
): FoundBehind {
  if (visit.tls && !door.finder.mayServe(visit.tls.serverName, target.host)) return MISDIRECTED
  const site = door.sites().find(target.host)
  if (!site) {
    return HEALTH_PATHS.has(target.target) && isHttp1(request) ? { kind: 'health' } : UNAVAILABLE
  }
  const demand = door.finder.decideDemand(site)
  const headers = deriveHeaders(door, { request, visit }, demand)
  const found = { request, headers, visit, site, target }
  return (
    judgeDemand(door, found, demand) ??
    judgeScheme(door, found, demand) ?? { kind: 'site', visit: visitSite(door, found) }
  )
}

/** The headers by which a request is judged and passed on. */
function deriveHeaders(
  door: Door,
  { request, visit }: { request: DoorRequest; visit: Visit },
  { kind }: ClientDemand,
): IncomingHttpHeaders {
  const headers = visit.isPeerTrusted ? spreadForwarded(request.headers, door.isTrusted) : request.headers
  return kind === 'requested' ? withoutClientClaims(headers) : headers
}

/** Refusal of a client without the certificate that this host requires; undefined: it has it, or needs none. */
function judgeDemand(door: Door, found: HostRequest, demand: ClientDemand): FoundBehind | undefined {
  if (demand.kind === 'none') return undefined
  if (demand.kind === 'closed') return closed(door, found)
  const { tls } = found.visit
  if (!tls) return undefined
  const verdict = judgeClient(demand, tls.client)
  if (verdict === 'fine') return undefined
  const visit = visitSite(door, found)
  if (verdict === 'bad') {
    const { host, remoteAddress } = visit
    door.parts.onClientRefused?.({ host, remoteAddress, reason: tls.client?.error ?? '' })
  }
  return { kind: 'refused', status: REFUSALS[verdict], visit }
}

const REFUSALS = { elsewhere: 421, missing: CERTIFICATE_MISSING, bad: CERTIFICATE_REFUSED } as const

function closed(door: Door, found: HostRequest): FoundBehind {
  return { kind: 'page', status: 503, visit: visitSite(door, found) }
}

interface HostRequest {
  readonly request: DoorRequest
  readonly headers: IncomingHttpHeaders
  readonly visit: Visit
  readonly site: Site
  readonly target: RequestTarget
}

function visitSite(door: Door, { request, headers, visit, site, target }: HostRequest): SiteVisit {
  const { scheme, isPeerTrusted, tls } = visit
  return {
    ...visit,
    request,
    headers,
    site,
    host: target.host,
    authority: target.authority,
    visitorPort: findVisitorPort(headers, {
      scheme,
      isPeerTrusted,
      own: site.declaration,
      door: door.parts,
    }),
    // A certificate of CAs that no longer count proves nothing.
    client: tls?.client && door.finder.decideDemand(site).kind === 'requested' ? tls.client : undefined,
  }
}

/** A CA checks before there is a certificate, over either scheme, and has no password. */
function findChallenge(
  { parts: { challenges, challengeFolder: folder } }: Door,
  { method }: DoorRequest,
  target: RequestTarget,
): Found | undefined {
  if (!target.target.startsWith(CHALLENGE_PATH) || (method !== 'GET' && method !== 'HEAD')) return undefined
  const token = target.target.slice(CHALLENGE_PATH.length)
  const answer = challenges.httpAnswer(token)
  if (answer !== undefined) return { kind: 'challenge', answer }
  return folder === undefined ? undefined : { kind: 'challenge-file', folder, token, target }
}

/** Refusal by nginx-proxy's `HTTPS_METHOD` for this scheme; undefined: it is served. */
function judgeScheme(door: Door, found: HostRequest, demand: ClientDemand): FoundBehind | undefined {
  const { headers, visit, site, target } = found
  const { httpsMethod, source } = site.declaration
  // The handshake of such a host is refused, unless there is a default certificate to answer with.
  if (visit.tls) return httpsMethod === 'nohttps' ? UNAVAILABLE : undefined
  // A certificate can be sent over TLS only; visitors of a proxy that did TLS have sent theirs to the proxy.
  const mustShow = demand.kind === 'requested' && demand.mode === 'on'
  if (!mustShow && (httpsMethod === 'noredirect' || httpsMethod === 'nohttps')) return undefined
  if (isForwardedHttps(headers, visit)) {
    return mustShow
      ? { kind: 'refused', status: CERTIFICATE_MISSING, visit: visitSite(door, found) }
      : undefined
  }
  const hasCertificate = door.finder.findContext(target.host) !== undefined
  // Passwords of the registry never cross the network in the clear, certificate or not.
  if (!hasCertificate) {
    if (source.kind === 'registry' || mustShow) return UNAVAILABLE
    if (site.declaration.httpWithoutCert) return undefined
  }
  if (httpsMethod === 'nohttp') return UNAVAILABLE
  return redirectToTls(door, found)
}

function redirectToTls(door: Door, found: HostRequest): FoundBehind {
  const { parts } = door
  const { request, site, target } = found
  const { externalHttpsPort = parts.externalHttpsPort ?? 443, nonGetRedirect } = site.declaration
  const isGet = request.method === 'GET' || request.method === 'HEAD'
  const name = target.host.includes(':') ? `[${target.host}]` : target.host
  const path = target.target === '*' ? '/' : target.target
  return {
    kind: 'redirect',
    status: isGet ? 301 : nonGetRedirect,
    visit: visitSite(door, found),
    location: `https://${name}${externalHttpsPort === 443 ? '' : `:${externalHttpsPort}`}${path}`,
  }
}

/** True if a trusted proxy before us has done TLS already. */
function isForwardedHttps(headers: IncomingHttpHeaders, visit: Visit): boolean {
  return visit.isPeerTrusted && headers['x-forwarded-proto'] === 'https'
}
