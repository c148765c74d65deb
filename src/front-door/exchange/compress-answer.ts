import { constants, createGzip, type Gzip } from 'node:zlib'
import type { LocationSettings } from '../vhost/settings/settings.ts'
import { dropHeader, findHeader, type HeaderList } from './answer-head.ts'
import type { SiteExchange } from './site-exchange.ts'

/** Nearly the best compression, at a third of its time. */
const GZIP_LEVEL = 4

/** Statuses whose answers are compressed, as in nginx. */
const ZIPPED: ReadonlySet<number> = new Set([200, 403, 404])

const TAKES_GZIP = /(?:^|[\s,])gzip(?!\s*;\s*q=0(?:\.0*)?(?:$|[\s,]))/

/**
 * Compresses an answer as it goes, if the vhost file enables it and the client accepts it, with a flush after each
 * chunk. The headers are changed accordingly, those of HEAD, too. The stream is to be joined to the answer once they
 * are out.
 */
export function compressAnswer(
  exchange: Pick<SiteExchange, 'facts' | 'request' | 'headers'>,
  { gzip }: LocationSettings,
  { status, list }: { status: number; list: HeaderList },
): Gzip | undefined {
  const { facts, request, headers } = exchange
  if (!gzip || !ZIPPED.has(status) || facts.protocol === 'HTTP/1.0') return undefined
  const type = (findHeader(list, 'content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const isFit =
    (gzip.types.includes(type) || gzip.types.includes('*')) &&
    findHeader(list, 'content-encoding') === undefined &&
    Number(findHeader(list, 'content-length') ?? gzip.minLengthBytes) >= gzip.minLengthBytes
  if (!isFit) return undefined
  // With the plain answer, too: a cache must not mix up the two forms.
  if (!/accept-encoding|\*/i.test(findHeader(list, 'vary') ?? '')) list.push('vary', 'Accept-Encoding')
  if (!TAKES_GZIP.test(String(headers['accept-encoding'] ?? ''))) return undefined
  dropHeader(list, 'content-length')
  dropHeader(list, 'accept-ranges')
  // The bytes differ now, so a strong validator would be wrong.
  const etag = findHeader(list, 'etag')
  dropHeader(list, 'etag')
  if (etag !== undefined) list.push('etag', etag.startsWith('W/') ? etag : `W/${etag}`)
  list.push('content-encoding', 'gzip')
  if (request.method === 'HEAD') return undefined
  return createGzip({ level: GZIP_LEVEL, flush: constants.Z_SYNC_FLUSH })
}
