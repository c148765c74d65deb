import type { IncomingHttpHeaders } from 'node:http'
import type { LocationSettings } from '../../vhost/settings/settings.ts'
import { encodeHeader } from '../../vhost/syntax/byte-text.ts'
import { expand } from '../../vhost/syntax/template.ts'

/** Headers for the next hop only (RFC 9110 section 7.6.1), and those that the client library makes itself. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
])
/** Header that marks a request which comes back to its sender (RFC 8586). */
const LOOP = 'cdn-loop'
/** Headers about the address that Berth was reached by: a visitor's are never passed on. */
const OWN_ADDRESS: ReadonlySet<string> = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-forwarded-ssl',
  'x-forwarded-server',
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
  'x-real-ip',
])
/** Similar ones, which some applications believe: from a trusted proxy they are passed on. */
const LIKEWISE =
  /^(?:x-(?:forwarded|original|rewrite|real)-.*|x-(?:url-)?scheme|x-script-name|x-host|front-end-https)$/
/** Headers that an application would take for another value: `Proxy` becomes HTTP_PROXY (httpoxy). */
const NEVER: ReadonlySet<string> = new Set(['proxy'])
/** Headers of W3C Trace Context. */
const TRACE: ReadonlySet<string> = new Set(['traceparent', 'tracestate'])
/** Names as they usually are; HTTP allows others, which nginx drops. */
const USUAL = /^[a-z0-9-]+$/
/** With other characters for dashes many applications read these as the real ones. */
const IDENTITY = /^(?:x-forwarded|x-real|x-original|x-rewrite|forwarded$|remote-|proxy|x-remote)/

/** Facts for an upstream about the origin of a request. */
interface ForwardedFacts {
  readonly scheme: 'http' | 'https'
  /** The host as the client wrote it, with its port. */
  readonly authority: string
  readonly host: string
  /** The visitor. */
  readonly remoteAddress: string
  /** The peer of the connection, which is added to `X-Forwarded-For`. */
  readonly peerAddress: string
  readonly serverPort: number
  /** The port that visitors use; undefined: the same. */
  readonly visitorPort?: number | undefined
  /** As the client sent it. */
  readonly requestUri: string
  /** True if received `X-Forwarded-*` headers may be passed on. */
  readonly isPeerTrusted: boolean
}

/** Makes the headers of the request to an upstream: a flat list of names and values. */
export function requestHeaders(
  headers: IncomingHttpHeaders,
  facts: ForwardedFacts,
  options: {
    settings: LocationSettings
    variable: (name: string) => string
    isUpgrade: boolean
    loopId: string
    /** Names and values in turn, in place of the visitor's own; undefined: nothing is traced. */
    trace?: readonly string[] | undefined
  },
): string[] {
  const named = listedIn(headers.connection)
  const list: string[] = []
  const { settings } = options
  const set = replacements(settings, options.variable)
  const folded = set.size === 0 ? NO_NAMES : new Set([...set.keys()].map(fold))
  for (const name in headers) {
    if (options.trace && TRACE.has(name)) continue
    if (isMadeHere(name, folded) || named?.has(name)) continue
    if (!facts.isPeerTrusted && name !== settings.realIp?.header && LIKEWISE.test(name)) continue
    if (!USUAL.test(name) && !mayPassOdd(name, settings, folded)) continue
    append(list, name, headers[name])
  }
  if (!set.has(LOOP))
    list.push(
      LOOP,
      headers[LOOP] === undefined ? options.loopId : `${joinValues(headers[LOOP])}, ${options.loopId}`,
    )
  if (!set.has('host')) list.push('host', facts.authority)
  appendForwarded(list, headers, { facts, set })
  appendTrace(list, set, options.trace)
  for (const [name, values] of set) {
    if (isHopByHop(name)) continue
    for (const value of values) if (value !== '') list.push(name, value)
  }
  if (options.isUpgrade) list.push('connection', 'upgrade', 'upgrade', String(headers.upgrade ?? ''))
  // "te: trailers" is how a gRPC client says that it reads them (RFC 9110 section 10.1.4).
  else if (/(?:^|,)\s*trailers\s*(?:,|$)/i.test(String(headers.te ?? ''))) list.push('te', 'trailers')
  return list
}

/**
 * True if a visitor's header has no place beside those made here, or ends at this hop. `set` holds the names that the
 * vhost file sets, odd characters as dashes.
 */
function isMadeHere(name: string, set: ReadonlySet<string>): boolean {
  if (name === 'host' || name === 'content-length' || name === LOOP || name.startsWith(':')) return true
  return HOP_BY_HOP.has(name) || OWN_ADDRESS.has(name) || NEVER.has(name) || set.has(name)
}

/**
 * True if a name with underscores or other odd characters is passed on: if the vhost file allows it, and it cannot be
 * mistaken for a header that is made here. CGI and its successors write all characters but letters and digits alike.
 */
function mayPassOdd(name: string, { oddHeaders }: LocationSettings, set: ReadonlySet<string>): boolean {
  const hasOthers = /[^a-z0-9_-]/.test(name)
  if (hasOthers ? !oddHeaders.others : !oddHeaders.underscores) return false
  if (hasOthers && name.includes('_') && !oddHeaders.underscores) return false
  const folded = fold(name)
  return !isMadeHere(folded, set) && !LIKEWISE.test(folded) && !IDENTITY.test(folded)
}

function fold(name: string): string {
  return name.replace(/[^a-z0-9]/g, '-')
}

/** True for a header that must not be passed on. */
export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name)
}

/** The headers that `Connection` names; undefined if there are none but the usual words. */
export function listedIn(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()))
}

/** Headers that occur once in a request: the last counts. */
const SINGLE: ReadonlySet<string> = new Set(['host', 'content-length', 'content-type', 'user-agent'])

type Replacements = ReadonlyMap<string, readonly string[]>

/** `proxy_set_header` of the vhost file: several of a name are all sent, as by nginx. */
function replacements({ setHeaders }: LocationSettings, variable: (name: string) => string): Replacements {
  if (!setHeaders) return NONE
  const map = new Map<string, string[]>()
  for (const { name, value } of setHeaders) {
    const before = SINGLE.has(name) ? [] : (map.get(name) ?? [])
    map.set(name, [...before, encodeHeader(expand(value, variable))])
  }
  return map
}

const NONE: Replacements = new Map()
const NO_NAMES: ReadonlySet<string> = new Set()

/** nginx-proxy's own headers, unless the vhost file sets them. */
function appendForwarded(
  list: string[],
  headers: IncomingHttpHeaders,
  { facts, set }: { facts: ForwardedFacts; set: Replacements },
): void {
  const { isPeerTrusted } = facts
  const trustedValue = (name: string): string | undefined =>
    isPeerTrusted ? joinValues(headers[name]) : undefined
  const before = trustedValue('x-forwarded-for')
  const scheme = trustedValue('x-forwarded-proto') ?? facts.scheme
  push(list, set, ['x-real-ip', facts.remoteAddress])
  push(list, set, [
    'x-forwarded-for',
    before === undefined ? facts.peerAddress : `${before}, ${facts.peerAddress}`,
  ])
  push(list, set, ['x-forwarded-host', trustedValue('x-forwarded-host') ?? facts.authority])
  push(list, set, ['x-forwarded-proto', scheme])
  push(list, set, [
    'x-forwarded-port',
    trustedValue('x-forwarded-port') ?? String(facts.visitorPort ?? facts.serverPort),
  ])
  push(list, set, ['x-forwarded-ssl', scheme === 'https' ? 'on' : 'off'])
  push(list, set, ['x-original-uri', facts.requestUri])
}

/** `traceparent` of the vhost file replaces both: the state belongs to that trace. */
function appendTrace(list: string[], set: Replacements, trace: readonly string[] | undefined): void {
  if (trace && !set.has('traceparent')) list.push(...trace)
}

function push(list: string[], set: Replacements, [name, value]: [string, string]): void {
  if (!set.has(name)) list.push(name, value)
}

function append(list: string[], name: string, value: string | string[] | undefined): void {
  if (typeof value === 'string') list.push(name, value)
  else if (value) for (const each of value) list.push(name, each)
}

function joinValues(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}
