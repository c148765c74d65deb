import type { Exchange } from '../request/exchange.ts'
import { replyEmpty } from './reply.ts'

/** Methods that browsers let a page of another origin use. */
const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const ALLOWED_HEADERS =
  'Authorization, Accept, Content-Type, Content-Range, Range, If-None-Match, If-Range, Cache-Control'
/** Headers of answers that such a page may read, beside those that each page may. */
const EXPOSED_HEADERS =
  'Docker-Content-Digest, Docker-Distribution-Api-Version, Docker-Upload-UUID, Link, Location, Range, Content-Range, Content-Length, ETag, OCI-Subject, OCI-Filters-Applied, OCI-Tag, Retry-After, WWW-Authenticate, X-Request-Id'
/** Time for which browsers remember the permission, in seconds: the longest of Chromium. */
const MAX_AGE_S = 7_200
/** Matches every origin. */
const ANY = '*'

/** Lets pages of other origins use the registry (https://fetch.spec.whatwg.org/#http-cors-protocol). */
interface Cors {
  /** Adds the headers about the origin of a request. True if it is a preflight, which is answered then. */
  handle(exchange: Exchange): boolean
}

/**
 * Creates it for the origins that an operator trusts. These may send credentials; `*` lets each page read what it can
 * get without, or with an `Authorization` header that it makes itself.
 */
export function createCors(origins: readonly string[]): Cors {
  const named = new Set(origins)
  return {
    handle(exchange) {
      const { request, response } = exchange
      const { origin } = request.headers
      if (named.size === 0) return false
      // Also for requests without an origin: caches must not give their answers to a page.
      response.appendHeader('vary', 'Origin')
      if (origin === undefined) return false
      const isNamed = named.has(origin)
      if (!isNamed && !named.has(ANY)) return false
      response.setHeader('access-control-allow-origin', isNamed ? origin : ANY)
      if (isNamed) response.setHeader('access-control-allow-credentials', 'true')
      response.setHeader('access-control-expose-headers', EXPOSED_HEADERS)
      if (request.method !== 'OPTIONS' || !request.headers['access-control-request-method']) return false
      replyEmpty(exchange, 204, {
        'access-control-allow-methods': ALLOWED_METHODS,
        'access-control-allow-headers': ALLOWED_HEADERS,
        'access-control-max-age': String(MAX_AGE_S),
      })
      return true
    },
  }
}
