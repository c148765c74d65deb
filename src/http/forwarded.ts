import type { IncomingHttpHeaders } from 'node:http'

/** A proxy's statements about the request it passes on. Undefined: none. */
export interface Forwarded {
  readonly scheme: string | undefined
  /** Host with an optional port. */
  readonly host: string | undefined
  readonly port: string | undefined
  /** The client's address. */
  readonly client: string | undefined
}

/** Longest `Forwarded` that is read, in characters: a proxy adds some 100. */
const MAX_LENGTH = 2_048
/**
 * One `name=value` of RFC 7239, 4, with its separator: a comma ends the part of one proxy. Each space can match in one
 * way only, so that the time is linear.
 */
const PAIR = /\s*(?:([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;\s]*))\s*)?([,;]|$)/y

/**
 * Reads the statements of the nearest proxy: `X-Forwarded-*`, or without any of these `Forwarded` (RFC 7239). Not both:
 * a proxy that sets the one passes the other on as its client wrote it.
 */
export function readForwarded(headers: IncomingHttpHeaders): Forwarded {
  const own = {
    scheme: readFirst(headers['x-forwarded-proto']),
    host: readFirst(headers['x-forwarded-host']),
    port: readFirst(headers['x-forwarded-port']),
    client: readLast(headers['x-forwarded-for']),
  }
  const { forwarded } = headers
  if (forwarded === undefined || Object.values(own).some((value) => value !== undefined)) return own
  const read = readStandard(forwarded)
  return {
    scheme: read.get('proto'),
    host: read.get('host'),
    port: undefined,
    client: parseClient(read.get('for')),
  }
}

/** The last value of each name: that of the nearest proxy which gave one. Empty for an unreadable header. */
function readStandard(header: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  if (header.length > MAX_LENGTH) return values
  PAIR.lastIndex = 0
  while (PAIR.lastIndex < header.length) {
    const pair = PAIR.exec(header)
    if (!pair) return new Map()
    const [, name, quoted, plain] = pair
    if (name !== undefined) values.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '')
  }
  return values
}

/** An address without its port and brackets; undefined for a name or `unknown`. */
function parseClient(node: string | undefined): string | undefined {
  const [, ipv6, other] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::\d+)?$/.exec(node ?? '') ?? []
  return ipv6 ?? other
}

function readFirst(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header[0] : header
  return text?.split(',', 1)[0]?.trim() || undefined
}

function readLast(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header.join(',') : header
  return text?.split(',').at(-1)?.trim() || undefined
}
