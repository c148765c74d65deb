import type { IncomingMessage } from 'node:http'
import { type Authority, parseAuthority } from '../../visit/host-name.ts'
import type { DoorRequest } from './door-request.ts'

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i

/** Host and target of a request. */
export interface RequestTarget extends Authority {
  /** Host and port as the client wrote them. */
  readonly authority: string
  /** Path and query, as they came; `*` for the whole server. */
  readonly target: string
}

/**
 * Reads host and target of a request (RFC 9112 section 3.2, RFC 9113 section 8.3.1).
 *
 * A request that names its host twice is refused if it differs, since an upstream might believe the other one; two
 * `Host` headers are refused in any case, as nginx does, and so are two log-ins.
 * @returns undefined for what is refused.
 */
export function readRequestTarget(request: DoorRequest): RequestTarget | undefined {
  if (hasDoubles(request.rawHeaders)) return undefined
  if (!isHttp1(request)) {
    const { host } = request.headers
    const authority = request.authority ?? host
    return authority === undefined || (host !== undefined && host !== authority)
      ? undefined
      : withAuthority(authority, request.url ?? '')
  }
  const { url = '', headers } = request
  if (headers.host === undefined) return undefined
  if (url.startsWith('/') || url === '*') return withAuthority(headers.host, url)
  const [, authority, rest = ''] = ABSOLUTE.exec(url) ?? []
  if (authority === undefined || authority.toLowerCase() !== headers.host.toLowerCase()) return undefined
  return withAuthority(authority, rest.startsWith('/') ? rest : `/${rest}`)
}

/** Distinguishes the versions of HTTP. */
export function isHttp1(request: DoorRequest): request is IncomingMessage {
  return request.httpVersionMajor === 1
}

function withAuthority(authority: string, target: string): RequestTarget | undefined {
  const parsed = parseAuthority(authority)
  return parsed && { host: parsed.host, port: parsed.port, authority, target }
}

/**
 * True for several `Host` or several `Authorization` headers: Node silently keeps the first, while a proxy or an
 * application may have believed another one.
 */
export function hasDoubles(rawHeaders: readonly string[]): boolean {
  let hosts = 0
  let logins = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    // Lengths first: this runs for every request, and few other names are as long.
    if (name?.length === HOST.length && name.toLowerCase() === HOST) hosts++
    else if (name?.length === AUTHORIZATION.length && name.toLowerCase() === AUTHORIZATION) logins++
  }
  return hosts > 1 || logins > 1
}

const HOST = 'host'
const AUTHORIZATION = 'authorization'
