import { isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'

/** Longest host name (RFC 1035 section 3.1). */
const MAX_HOST_LENGTH = 253
/** A name or IPv4 address as clients send them: letters, digits, `-`, `_`, `.`; what else there is was percent-encoded. */
const NAME = /^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?$/
const AUTHORITY = /^(\[[0-9a-fA-F:.]{2,45}\]|[^:[\]]{1,254})(?::(\d{0,5}))?$/

/** The host and the port that a request was sent to. */
export interface Authority {
  /** Lower case, without a trailing dot; IPv6 without brackets. */
  readonly host: string
  readonly port: number | undefined
}

/**
 * Reads the `Host` header or `:authority` of a request.
 * @returns undefined for what is no host with an optional port: user names, paths, control characters, several dots.
 */
export function parseAuthority(text: string): Authority | undefined {
  const [, name = '', digits] = AUTHORITY.exec(text) ?? []
  const host = name.startsWith('[') ? parseBracketed(name) : normalizeHost(name)
  if (host === undefined) return undefined
  if (digits === undefined || digits === '') return { host, port: undefined }
  const port = Number(digits)
  return port > 0 && port <= 65_535 ? { host, port } : undefined
}

/** A host name as tables hold it: lower case, ASCII, without a trailing dot. undefined for what is none. */
export function normalizeHost(name: string): string | undefined {
  const lower = name.toLowerCase()
  const ascii = NAME.test(lower) ? lower : domainToASCII(lower)
  if (ascii === '' || !NAME.test(ascii)) return undefined
  const host = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii
  return host.length <= MAX_HOST_LENGTH && !host.includes('..') ? host : undefined
}

function parseBracketed(text: string): string | undefined {
  const address = text.slice(1, -1).toLowerCase()
  return isIPv6(address) ? address : undefined
}
