import type { ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { AnswerHolds } from '../listen/http/limits/answer-holds.ts'
import type { DoorResponse } from '../listen/http/messages/door-request.ts'
import type { LimitGate, PasswordChecker } from '../sites/ports.ts'
import type { SiteTarget } from '../sites/site-declaration.ts'
import type { Plan, RequestFacts } from '../vhost/route/plan.ts'
import type { LocationSettings } from '../vhost/settings/settings.ts'
import { createAddressMatcher } from '../visit/address/network-address.ts'
import { findRealAddress } from '../visit/address/visitor-address.ts'
import type { AddedHeaders } from '../visit/visit.ts'
import { addToHead, type HeaderList } from './answer-head.ts'
import { parseTarget, type RefusedTarget } from './canonical-path.ts'
import { beginTrail, type RequestTrail, readHeader, trailVariable } from './request-trail.ts'
import type { SiteVisit } from './site-handler.ts'
import { toPairs } from './write-head.ts'

/** Dependencies of all parts that judge or answer a request. */
export interface SiteTools {
  readonly passwords: PasswordChecker
  /** Counts requests for the limits of vhost files. */
  readonly limits: LimitGate
  readonly logger: Logger
  /** Names this process in `CDN-Loop` (RFC 8586), to recognize a request that comes back. */
  readonly loopId: string
}

/** Data for the access log while a request runs. */
export interface RequestRecord {
  /** `access_log` of the location that answers the request. */
  accessLog: LocationSettings['accessLog']
  /** Reason of a refused path; undefined: it was not refused. */
  reason?: string | undefined
}

/** A visit as its site sees it: with what rules and variables need. */
export interface JudgedVisit extends SiteVisit {
  readonly facts: RequestFacts
  readonly trail: RequestTrail
}

/** The answering side of a visit. */
export interface Answering {
  readonly response: DoorResponse
  /** Present if there is an access log. */
  readonly record?: RequestRecord | undefined
  /** Counts the bytes of the answer that were read and not sent. */
  readonly holds: AnswerHolds
}

/** A visit and its answer on their way through the phases. */
export interface SiteExchange extends JudgedVisit, Answering {}

/** A plan whose access was granted. */
export type ContentPlan = Extract<Plan, { kind: 'content' }>

/**
 * A request as a site sees it: with the facts for rules and variables, and with the visitor by the rules of its vhost
 * file. Refused if its target can be read in several ways.
 */
export function enterSite(visit: SiteVisit): JudgedVisit | RefusedTarget {
  const trail = beginTrail()
  const facts = readFacts(visit, trail)
  if ('refused' in facts) return facts
  const { remoteAddress } = facts
  // As in nginx, where the module that finds the visitor changes the peer for all others.
  return remoteAddress === visit.remoteAddress
    ? { ...visit, facts, trail }
    : { ...visit, facts, trail, remoteAddress, peerAddress: remoteAddress }
}

function readFacts(request: SiteVisit, trail: RequestTrail): RequestFacts | RefusedTarget {
  const {
    request: incoming,
    headers,
    target: requestUri,
    scheme,
    host,
    remoteAddress,
    remotePort,
    serverPort,
    visitorPort,
    requestId,
    client,
    isPeerTrusted,
    peerAddress,
  } = request
  const { realIp, mergeSlashes } = request.site.server.settings
  const target = parseTarget(requestUri, { mergeSlashes })
  if ('refused' in target) return target
  return {
    method: incoming.method ?? 'GET',
    scheme,
    host,
    uri: target.path,
    requestUri,
    target: `${target.rawPath}${requestUri.includes('?') ? '?' : ''}${target.query}`,
    readings: target.readings,
    args: target.query,
    headers,
    remoteAddress: realIp === undefined ? remoteAddress : realAddress(realIp, request),
    remotePort,
    serverPort,
    visitorPort,
    client,
    protocol:
      incoming.httpVersionMajor === 2
        ? 'HTTP/2.0'
        : incoming.httpVersionMinor === 0
          ? 'HTTP/1.0'
          : 'HTTP/1.1',
    requestId,
    isPeerTrusted,
    peerAddress,
    late: (name) => trailVariable(trail, name),
  }
}

type RealIp = NonNullable<LocationSettings['realIp']>

/** A memo of the networks of vhost files: the settings of a file never change. */
const matchers = new WeakMap<RealIp, (address: string) => boolean>()

/** `set_real_ip_from` of the vhost file; the trusted proxies of the configuration counted before. */
function realAddress(realIp: RealIp, { headers, peerAddress, remoteAddress }: SiteVisit): string {
  // The peer is already the one of the PROXY header, and no header of this name can change it.
  if (realIp.header === 'proxy_protocol') return remoteAddress
  const isTrusted = matchers.get(realIp) ?? createAddressMatcher(realIp.trusted)
  matchers.set(realIp, isTrusted)
  if (!isTrusted(peerAddress)) return remoteAddress
  return findRealAddress(peerAddress, headers[realIp.header], {
    isTrusted,
    recursive: realIp.recursive,
  })
}

/** Logs the reason of a refused target. */
export function logRefusedTarget(
  { host, requestId }: Pick<SiteVisit, 'host' | 'requestId'>,
  { refused }: RefusedTarget,
  { logger }: SiteTools,
): void {
  logger.warn({ host, id: requestId, reason: refused }, 'the path of a request was refused')
}

/** Logs that an application relies on nginx: the visitor gets its answer unchanged, without the file. */
export function logDroppedAccel(
  { host, requestId }: Pick<SiteVisit, 'host' | 'requestId'>,
  raw: readonly (Buffer | string)[],
  { logger }: SiteTools,
): void {
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]
    // Lengths first: this runs for every answer.
    if (name?.length !== ACCEL_REDIRECT.length || String(name).toLowerCase() !== ACCEL_REDIRECT) continue
    logger.warn(
      { host, id: requestId },
      'an application answered with X-Accel-Redirect, which is not followed: let it send the file itself',
    )
  }
}

const ACCEL_REDIRECT = 'x-accel-redirect'

/** Logs the line of the file with the limit. */
export function logTooLarge(
  { host, requestId }: JudgedVisit,
  { maxBodyBytes, maxBodyPlace }: LocationSettings,
  { logger }: SiteTools,
): void {
  const place = maxBodyPlace ? `${maxBodyPlace.file}:${maxBodyPlace.line}` : 'the default'
  logger.warn(
    { host, id: requestId, limit: maxBodyBytes, place },
    'a request is larger than client_max_body_size',
  )
}

/** Target of a declared path. */
export function findTarget({ site }: JudgedVisit, { content }: ContentPlan): SiteTarget | undefined {
  if (content.kind !== 'declared') return undefined
  return site.declaration.paths.find(({ path }) => path === content.path)?.target
}

/** Facts of an answer whose head is about to be sent. */
interface AnswerFacts {
  readonly status: number
  readonly settings: LocationSettings
  /** Variables of the request. */
  readonly variable: (name: string) => string
  /** The headers so far. */
  readonly list: HeaderList
}

/** Adds `expires`, `add_header` and HSTS to the head of an answer. */
export function addSiteHeaders(
  exchange: JudgedVisit & Partial<Pick<SiteExchange, 'response'>>,
  { status, settings, variable, list }: AnswerFacts,
): void {
  addToHead(list, status, {
    settings,
    hsts: exchange.scheme === 'https' ? hstsOf(exchange) : undefined,
    variable: (name) => sentVariable(exchange, { status, list }, name) ?? variable(name),
  })
}

/** Variables about the head that is sent. */
function sentVariable(
  { response }: Partial<Pick<SiteExchange, 'response'>>,
  { status, list }: Pick<AnswerFacts, 'status' | 'list'>,
  name: string,
): string | undefined {
  if (name === 'status') return String(status).padStart(3, '0')
  if (!name.startsWith('sent_http_')) return undefined
  const header = name.slice('sent_http_'.length)
  return readHeader(list, header) || String(response?.getHeader(header.replaceAll('_', '-')) ?? '')
}

/** The same for an answer that another part writes, by name. */
export function toAddedHeaders(exchange: SiteExchange, facts: Omit<AnswerFacts, 'list'>): AddedHeaders {
  const list: HeaderList = []
  addSiteHeaders(exchange, { ...facts, list })
  return toPairs(list)
}

/** HSTS of the host; none if it also answers plain HTTP, since that would lock its visitors out of it. */
function hstsOf({ site }: SiteVisit): string | undefined {
  const { hsts, httpsMethod } = site.declaration
  return httpsMethod === 'noredirect' || httpsMethod === 'nohttps' ? undefined : hsts
}

/** Sets HSTS on a page that replaces the site. */
export function setHsts(response: DoorResponse, exchange: SiteVisit): void {
  const hsts = exchange.scheme === 'https' ? hstsOf(exchange) : undefined
  if (hsts !== undefined && !response.headersSent)
    (response as ServerResponse).setHeader('strict-transport-security', hsts)
}

/** True if the client has gone. For an answer over HTTP/2 its stream shows it, not the answer. */
export function hasLeft({ response }: SiteExchange): boolean {
  return 'stream' in response ? response.stream.destroyed : response.destroyed
}

/** Sets a header of an answer that has not begun. */
export function setHeader({ response }: SiteExchange, name: string, value: string): void {
  if (!response.headersSent) (response as ServerResponse).setHeader(name, value)
}
