import type { IncomingHttpHeaders } from 'node:http'
import { readHop } from './address/visitor-address.ts'

/** Longest `Forwarded` that is read, in characters: a proxy adds some 100. */
const MAX_LENGTH = 2_048
/**
 * One `name=value` of RFC 7239 section 4, with its separator: a comma ends the part of one proxy. Each space can match
 * in one way only, so that the time is linear.
 */
const PAIR = /\s*(?:([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;\s]*))\s*)?([,;]|$)/y
/** Characters of an address, a host or a hidden name: it becomes the value of another header. */
const PLAIN = /^[A-Za-z0-9.:[\]_-]{1,255}$/
/**
 * Beside one of these `Forwarded` does not count: a proxy that sets the one passes the other on as its client wrote it.
 */
const OTHERS = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port'] as const

type Element = ReadonlyMap<string, string>

/** The content of a `Forwarded` header, as far as trusted proxies wrote it. */
interface Forwarded {
  /** In the form of `X-Forwarded-For`. */
  readonly addresses: string
  readonly scheme: 'http' | 'https' | undefined
  /** With its port, if one is named. */
  readonly host: string | undefined
}

/**
 * Reads `Forwarded`. Scheme and host are those by which the visitor reached the outermost trusted proxy; what stands
 * before that, its client may have written.
 * @returns undefined if it is missing, cannot be read, or stands beside one of the older headers.
 */
export function readForwarded(
  headers: IncomingHttpHeaders,
  isTrusted: (address: string) => boolean,
): Forwarded | undefined {
  const { forwarded } = headers
  if (forwarded === undefined || OTHERS.some((name) => headers[name] !== undefined)) return undefined
  const elements = readElements(forwarded)
  if (elements.length === 0) return undefined
  let scheme: Forwarded['scheme']
  let host: string | undefined
  for (const element of elements.toReversed()) {
    const proto = element.get('proto')?.toLowerCase()
    if (proto === 'http' || proto === 'https') scheme = proto
    host = plain(element.get('host')) ?? host
    const address = readHop(element.get('for') ?? '')
    if (address === undefined || !isTrusted(address)) break
  }
  const addresses = elements.map((element) => plain(element.get('for')) ?? 'unknown').join(', ')
  return { addresses, scheme, host }
}

/**
 * The headers, with the content of `Forwarded` in the `X-Forwarded-*` that rules and applications read; the same object
 * if it has none.
 */
export function spreadForwarded(
  headers: IncomingHttpHeaders,
  isTrusted: (address: string) => boolean,
): IncomingHttpHeaders {
  const forwarded = readForwarded(headers, isTrusted)
  if (!forwarded) return headers
  const { addresses, scheme, host } = forwarded
  const spread: IncomingHttpHeaders = Object.assign(Object.create(null), headers)
  spread['x-forwarded-for'] = addresses
  if (scheme !== undefined) spread['x-forwarded-proto'] = scheme
  if (host !== undefined) spread['x-forwarded-host'] = host
  return spread
}

function readElements(header: string): Element[] {
  if (header.length > MAX_LENGTH) return []
  const elements: Map<string, string>[] = []
  let element = new Map<string, string>()
  PAIR.lastIndex = 0
  while (PAIR.lastIndex < header.length) {
    const pair = PAIR.exec(header)
    if (!pair) return []
    const [, name, quoted, bare, separator] = pair
    if (name !== undefined) element.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '')
    if (separator === ';') continue
    if (element.size > 0) elements.push(element)
    element = new Map()
  }
  return elements
}

function plain(value: string | undefined): string | undefined {
  return value !== undefined && PLAIN.test(value) ? value : undefined
}
