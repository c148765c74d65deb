import type { IncomingMessage } from 'node:http'
import { OciError } from '../../oci/errors.ts'

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i

/**
 * The target of a request as path and query. Some proxies send it with scheme and host before it, which a server must
 * accept (RFC 9112, 3.2.2); one with another host than the header is refused, since one of the two is wrong. Errors:
 * `REQUEST_INVALID`.
 */
export function toOriginForm({ url = '/', headers }: IncomingMessage): string {
  const [, authority, rest = ''] = ABSOLUTE.exec(url) ?? []
  if (authority === undefined) return url
  if (authority.toLowerCase() !== headers.host?.toLowerCase()) {
    throw new OciError('REQUEST_INVALID', {
      message: 'The request names two hosts: send the same one in its target and its Host header',
    })
  }
  return rest.startsWith('/') ? rest : `/${rest}`
}
