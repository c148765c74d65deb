import { domainToASCII } from 'node:url'
import { parseAddress } from './network-address.ts'

/** Longest host name, and longest label (RFC 1035 section 3.1), without a trailing dot. */
const MAX_HOST_LENGTH = 253
const MAX_LABEL_LENGTH = 63
/** A name or IPv4 address in ASCII: labels of letters, digits, `-` and `_`. */
const NAME = /^(?:[a-z0-9_][a-z0-9_-]*\.)*[a-z0-9_][a-z0-9_-]*$/
/** A name of which a part is beyond ASCII. */
const SCRIPTS = /^[a-zA-Z0-9_.\u0080-\u{10ffff}-]+$/u
const AUTHORITY = /^(\[[0-9a-fA-F:.]{2,45}\]|[^:[\]]{1,254})(?::(\d{0,5}))?$/

/** The host and the port that a request was sent to. */
export interface Authority {
  /** Lower case, without a trailing dot; IPv6 shortened and without brackets. */
  readonly host: string
  readonly port: number | undefined
}

/**
 * Reads the `Host` header or `:authority` of a request, which is ASCII (RFC 3986 section 3.2.2).
 * @returns undefined if it is no host with an optional port: user names, paths, escapes, control characters.
 */
export function parseAuthority(text: string): Authority | undefined {
  const [, name = '', digits] = AUTHORITY.exec(text) ?? []
  const host = name.startsWith('[') ? parseBracketed(name) : toPlainHost(name)
  if (host === undefined) return undefined
  if (digits === undefined || digits === '') return { host, port: undefined }
  const port = Number(digits)
  return port > 0 && port <= 65_535 ? { host, port } : undefined
}

/** A host name from a request in its plain form: lower case, without a trailing dot. Undefined if it is none. */
export function toPlainHost(name: string): string | undefined {
  const lower = name.toLowerCase()
  const host = lower.endsWith('.') ? lower.slice(0, -1) : lower
  if (host.length === 0 || host.length > MAX_HOST_LENGTH || !NAME.test(host)) return undefined
  // Most names are shorter than one label may be.
  return host.length <= MAX_LABEL_LENGTH || hasShortLabels(host) ? host : undefined
}

/**
 * A host name as written by an operator in its plain form: `Bücher.Example.` becomes `xn--bcher-kva.example`. Undefined
 * if it is none.
 */
export function normalizeHost(name: string): string | undefined {
  // Text longer than any ASCII name is no name in another script either.
  if (name.length > MAX_HOST_LENGTH + 1) return undefined
  const plain = toPlainHost(name)
  // ASCII characters of no name could be read as the rest of a URL.
  if (plain !== undefined || !SCRIPTS.test(name)) return plain
  return toPlainHost(domainToASCII(name.toLowerCase()))
}

function hasShortLabels(host: string): boolean {
  return host.split('.').every((label) => label.length <= MAX_LABEL_LENGTH)
}

function parseBracketed(text: string): string | undefined {
  return parseAddress(text.slice(1, -1))
}
