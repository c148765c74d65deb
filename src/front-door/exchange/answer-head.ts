import type { AddedHeader, LocationSettings } from '../vhost/settings/settings.ts'
import { encodeHeader } from '../vhost/syntax/byte-text.ts'
import { expand } from '../vhost/syntax/template.ts'

/** Headers as a flat list. */
export type HeaderList = string[]

/** Statuses on which `expires` counts, and a header without `always` is added. */
const ADDED_ON: ReadonlySet<number> = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308])
const HSTS = 'strict-transport-security'
/** Headers that occur once in an answer: `add_header` replaces them. */
const SINGLE: ReadonlySet<string> = new Set(['etag', 'last-modified'])

/** Additions to the head of an answer. */
interface HeadAdditions {
  readonly settings: Pick<LocationSettings, 'addHeaders' | 'expires'>
  /** Undefined: none. */
  readonly hsts: string | undefined
  /** Variables of the answer as `list` has it. */
  readonly variable: (name: string) => string
}

/**
 * Adds `expires` and `add_header` to the head of an answer, in nginx's order (ngx_http_headers_filter), and HSTS, which
 * no level of a vhost file can lose.
 */
export function addToHead(
  list: HeaderList,
  status: number,
  { settings, hsts, variable }: HeadAdditions,
): void {
  const isAdded = ADDED_ON.has(status)
  if (isAdded) applyExpires(list, settings.expires)
  for (const header of settings.addHeaders) if (header.always || isAdded) addOne(list, header, variable)
  // Of several a browser uses the first (RFC 6797 section 8.1): there is one, and it is the host's own.
  if (hsts === undefined) return
  dropHeader(list, HSTS)
  list.push(HSTS, hsts)
}

function addOne(list: HeaderList, { name, value }: AddedHeader, variable: (name: string) => string): void {
  const text = encodeHeader(expand(value, variable))
  const known = name.toLowerCase()
  if (SINGLE.has(known)) dropHeader(list, known)
  if (text !== '') list.push(name, text)
}

function applyExpires(list: HeaderList, expires: LocationSettings['expires']): void {
  if (expires === undefined || expires === 'off') return
  dropHeader(list, 'expires')
  dropHeader(list, 'cache-control')
  list.push(...expiresHeaders(expires))
}

function expiresHeaders(expires: number | 'epoch' | 'max'): HeaderList {
  if (expires === 'max')
    return ['expires', 'Thu, 31 Dec 2037 23:55:55 GMT', 'cache-control', 'max-age=315360000']
  if (expires === 'epoch') return ['expires', 'Thu, 01 Jan 1970 00:00:01 GMT', 'cache-control', 'no-cache']
  const date = new Date(Date.now() + expires * 1_000).toUTCString()
  return ['expires', date, 'cache-control', expires < 0 ? 'no-cache' : `max-age=${expires}`]
}

/** Removes all headers of a name, in lower case, from a list. */
export function dropHeader(list: HeaderList, name: string): void {
  for (let index = list.length - 2; index >= 0; index -= 2) {
    if (list[index]?.toLowerCase() === name) list.splice(index, 2)
  }
}

/** The first header of a name, in lower case. */
export function findHeader(list: readonly string[], name: string): string | undefined {
  for (let index = 0; index < list.length; index += 2) {
    if (list[index]?.toLowerCase() === name) return list[index + 1]
  }
  return undefined
}

/** Shows the client the id that log lines about its request have, unless the application sent one of its own. */
export function addRequestId(list: HeaderList, requestId: string): void {
  if (findHeader(list, 'x-request-id') === undefined) list.push('X-Request-Id', requestId)
}
