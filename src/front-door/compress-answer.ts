import { constants, createGzip, type Gzip } from 'node:zlib'
import type { LocationSettings } from './directives/settings.ts'
import type { HeaderList } from './forward/response-headers.ts'
import type { SiteExchange } from './site-exchange.ts'

/** Little less than the best, at a third of the time. */
const GZIP_LEVEL = 4

/**
 * Compresses an answer as it goes, where the vhost file says so and the client takes it, with a flush after each chunk.
 * The headers are changed to say so. The stream is to be joined to the answer once these are out.
 */
export function compressAnswer(
  exchange: SiteExchange,
  { gzip }: LocationSettings,
  list: HeaderList,
): Gzip | undefined {
  if (!gzip || exchange.facts.method === 'HEAD') return undefined
  const value = (name: string): string | undefined => {
    const index = list.findIndex((each, at) => at % 2 === 0 && each === name)
    return index < 0 ? undefined : list[index + 1]
  }
  const type = (value('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const isFit =
    (gzip.types.includes(type) || gzip.types.includes('*')) &&
    value('content-encoding') === undefined &&
    Number(value('content-length') ?? gzip.minLengthBytes) >= gzip.minLengthBytes &&
    /(?:^|[\s,])gzip(?!\s*;\s*q=0(?:\.0*)?(?:$|[\s,]))/.test(
      String(exchange.request.headers['accept-encoding'] ?? ''),
    )
  if (!isFit) return undefined
  drop(list, 'content-length')
  // The bytes differ now, so a strong validator would lie.
  const etag = value('etag')
  drop(list, 'etag')
  if (etag !== undefined) list.push('etag', etag.startsWith('W/') ? etag : `W/${etag}`)
  list.push('content-encoding', 'gzip', 'vary', 'Accept-Encoding')
  return createGzip({ level: GZIP_LEVEL, flush: constants.Z_SYNC_FLUSH })
}

function drop(list: HeaderList, name: string): void {
  for (let index = list.length - 2; index >= 0; index -= 2) if (list[index] === name) list.splice(index, 2)
}
