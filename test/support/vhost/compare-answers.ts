import type { Observed } from './vhost-sides.ts'

/** Headers that both servers write differently with the same meaning, or that no directive changes. */
const OF_NO_INTEREST = new Set([
  ...['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding', 'etag', 'last-modified'],
  ...['accept-ranges', 'vary', 'x-content-type-options', 'x-request-id', 'content-type', 'server'],
])
/** Headers to upstreams that nginx sends only if no proxy_set_header of a vhost file removes them. */
const KEPT_BY_BERTH = /^(?:x-forwarded-|x-real-ip$|x-original-uri$)/
const NOT_PASSED = new Set([
  'connection',
  'content-length',
  'transfer-encoding',
  'x-row',
  'x-request-id',
  'cdn-loop',
])

/**
 * The part of an answer that nginx and Berth must have in common. Pages of errors are each server's own; nginx's answer
 * decides which parts are compared.
 */
export function comparable(own: Observed, nginx: Observed): unknown {
  const { status, body, seen } = own
  const isOwnPage = nginx.body.startsWith('<html>') || (status >= 400 && nginx.body === '')
  return {
    status,
    headers: Object.fromEntries(
      Object.entries(own.headers)
        .filter(([name, value]) => !OF_NO_INTEREST.has(name) && !isExtra(name, value, nginx))
        .map(([name, value]) => [name, name === 'expires' ? isInFuture(String(value)) : relative(value)])
        .sort(),
    ),
    body: isOwnPage ? undefined : body,
    seen: seen && {
      ...seen,
      headers: Object.fromEntries(
        Object.entries(seen.headers)
          .filter(([name]) => !NOT_PASSED.has(name))
          .filter(([name]) => !KEPT_BY_BERTH.test(name) || nginx.seen?.headers[name] !== undefined)
          .filter(
            ([name]) => name !== 'host' || !/^127\.0\.0\.1:|\.test$/.test(nginx.seen?.headers.host ?? ''),
          )
          .sort(),
      ),
    },
  }
}

/** True for headers of Berth's own answers that forbid caching, or give the time of a retry. */
function isExtra(name: string, value: string | string[] | undefined, { headers }: Observed): boolean {
  return (
    headers[name] === undefined &&
    ((name === 'cache-control' && value === 'no-store') || name === 'retry-after')
  )
}

/** nginx makes redirects absolute, with the port it listens on; Berth puts a dot before paths that would be hosts. */
function relative(value: string | string[] | undefined): unknown {
  if (typeof value !== 'string') return value
  return value.replace(/^(?:http:\/\/[a-z0-9-]+\.test(?::\d+)?(?=\/)|\/\.(?=\/[/\\]))/, '')
}

function isInFuture(date: string): boolean {
  return Date.parse(date) > Date.now()
}
