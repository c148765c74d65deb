import { type Authority, parseAuthority } from '../../../visit/address/host-name.ts'
import type { Visit } from '../../../visit/visit.ts'
import type { DoorRequest } from './door-request.ts'
import type { Http1Request } from './http1-message.ts'

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
export function readRequestTarget(
  request: DoorRequest,
  { target, targetAuthority }: Pick<Visit, 'target' | 'targetAuthority'>,
): RequestTarget | undefined {
  if (hasDoubles(request.rawHeaders)) return undefined
  const { host } = request.headers
  if (!isHttp1(request)) {
    const authority = request.authority ?? host
    return authority === undefined || (host !== undefined && host !== authority)
      ? undefined
      : withAuthority(authority, target)
  }
  if (host === undefined || !(target.startsWith('/') || target === '*')) return undefined
  if (targetAuthority === undefined) return withAuthority(host, target)
  return targetAuthority.toLowerCase() === host.toLowerCase()
    ? withAuthority(targetAuthority, target)
    : undefined
}

/** Distinguishes the versions of HTTP. */
export function isHttp1(request: DoorRequest): request is Http1Request {
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
