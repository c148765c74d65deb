import type { Observed } from './vhost-sides.ts'

/** Headers of answers that say the same in other words, or nothing about directives. */
const OF_NO_INTEREST = new Set([
  ...['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding', 'etag', 'last-modified'],
  ...['accept-ranges', 'vary', 'x-content-type-options', 'x-request-id', 'content-type', 'server'],
])
/** Headers to upstreams that nginx sends only while no proxy_set_header of a vhost file takes its own away. */
const KEPT_BY_BERTH = /^(?:x-forwarded-|x-real-ip$|x-original-uri$)/
const NOT_PASSED = new Set([
  'connection',
  'content-length',
  'transfer-encoding',
  'x-row',
  'x-request-id',
  'cdn-loop',
])

/** What must be the same in the answers of nginx and of Berth. Pages of errors are each server's own; what nginx says decides what is looked at. */
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

/** Berth's own answers say that they are not to be kept, and when to come back. */
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
