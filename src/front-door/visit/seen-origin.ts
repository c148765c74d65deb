import type { IncomingHttpHeaders } from 'node:http'
import { UNIX_ADDRESS } from './address/network-address.ts'
import { readForwarded } from './forwarded-header.ts'
import type { OriginDoubt, Visit } from './visit.ts'

/** A connection as far as the origin of its requests depends on it. */
interface OriginFacts {
  readonly scheme: 'http' | 'https'
  readonly peerAddress: string
  readonly isTrusted: (address: string) => boolean
  /**
   * True if no proxy is trusted by name: one on this machine that did no TLS with us then counts for scheme, host and
   * port.
   */
  readonly isLoopbackBelieved: boolean
}

/** Origin from a proxy's headers. Undefined: absent. */
interface ForwardedOrigin {
  readonly scheme: string | undefined
  /** Host with an optional port. */
  readonly host: string | undefined
  readonly port: string | undefined
}

const NOTHING: ForwardedOrigin = { scheme: undefined, host: undefined, port: undefined }
/** A host with an optional port: nothing that could end a quoted string or begin a path. */
const HOST = /^(?:[a-zA-Z0-9._-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?$/
/** Headers that proxies add to what they pass on, with or without the scheme. */
const MARKS: readonly string[] = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-ssl',
  'x-real-ip',
  'front-end-https',
  'forwarded',
  'via',
]
/** Of http and https: proxies name the one of the hop before them, which may be the wrong one. */
const DEFAULT_PORTS: readonly string[] = ['80', '443']

/** Finds scheme, host and port as the visitor sees them. */
export function readOrigin(
  headers: IncomingHttpHeaders,
  facts: OriginFacts,
): Pick<Visit, 'origin' | 'doubt'> {
  const { scheme, peerAddress, isTrusted, isLoopbackBelieved } = facts
  const isEncrypted = scheme === 'https'
  const own = { scheme, host: headers.host ?? String(headers[':authority'] ?? '') }
  const isBelieved = (isLoopbackBelieved && !isEncrypted && isLoopback(peerAddress)) || isTrusted(peerAddress)
  if (isEncrypted && !isBelieved) return { origin: joinOrigin(NOTHING, own), doubt: undefined }
  const forwarded = readForwardedOrigin(headers, isTrusted)
  const isSilent =
    !isEncrypted && forwarded.scheme === undefined && MARKS.some((name) => headers[name] !== undefined)
  const doubt = isSilent ? 'silent' : !isBelieved && forwarded.scheme === 'https' ? 'untrusted' : undefined
  return {
    origin: joinOrigin(isBelieved ? forwarded : NOTHING, own),
    doubt: doubt && toDoubt(doubt, forwarded, own),
  }
}

function toDoubt(kind: OriginDoubt['kind'], forwarded: ForwardedOrigin, own: OwnOrigin): OriginDoubt {
  return { kind, url: joinOrigin({ ...forwarded, scheme: 'https' }, own) }
}

function readForwardedOrigin(
  headers: IncomingHttpHeaders,
  isTrusted: (address: string) => boolean,
): ForwardedOrigin {
  const forwarded = readForwarded(headers, isTrusted)
  if (forwarded) return { scheme: forwarded.scheme, host: forwarded.host, port: undefined }
  return {
    scheme: firstOf(headers['x-forwarded-proto']),
    host: firstOf(headers['x-forwarded-host']),
    port: firstOf(headers['x-forwarded-port']),
  }
}

interface OwnOrigin {
  readonly scheme: string
  readonly host: string | undefined
}

function joinOrigin(forwarded: ForwardedOrigin, own: OwnOrigin): string {
  const scheme = (forwarded.scheme ?? own.scheme) === 'https' ? 'https' : 'http'
  const host = forwarded.host ?? own.host ?? ''
  if (!HOST.test(host)) return `${scheme}://localhost`
  return `${scheme}://${host}${formatPort(forwarded.port, host)}`
}

/** A port of the proxy that the host lacks; none that is the default of either scheme. */
function formatPort(port: string | undefined, host: string): string {
  if (port === undefined || !/^\d{1,5}$/.test(port) || /:\d+$/.test(host)) return ''
  return DEFAULT_PORTS.includes(port) ? '' : `:${port}`
}

function isLoopback(address: string): boolean {
  return address === UNIX_ADDRESS || address === '::1' || address.startsWith('127.')
}

function firstOf(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header[0] : header
  return text?.split(',', 1)[0]?.trim() || undefined
}
