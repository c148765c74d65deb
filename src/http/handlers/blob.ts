import type { OutgoingHttpHeaders } from 'node:http'
import { type ByteRange, parseRangeHeader } from '../../oci/byte-range.ts'
import { OciError } from '../../oci/errors.ts'
import type { DeleteContent } from '../../registry/delete-content.ts'
import type { PullContent } from '../../registry/pull/pull-content.ts'
import { Byteranges, formatContentRange } from '../answer/byteranges.ts'
import { matchesEtag } from '../answer/match-etag.ts'
import { guardSending, replyEmpty, sendHead, writeToClient } from '../answer/reply.ts'
import type { Transfers } from '../bounds/transfers.ts'
import { callerOf, type Exchange } from '../request/exchange.ts'
import type { Handlers } from './routes.ts'

const CONTENT_TYPE = 'application/octet-stream'
/** A year: the content of a digest never changes. Private: the answer depends on the account. */
const CACHE_CONTROL = 'private, max-age=31536000, immutable'

/** Dependencies of the handlers of blobs. */
interface Parts {
  readonly registry: Pick<PullContent & DeleteContent, 'statBlob' | 'sendBlob' | 'deleteBlob'>
  readonly transfers: Transfers
}

/** Creates the handlers of blobs. */
export function createBlobHandlers({
  registry,
  transfers,
}: Parts): Pick<Handlers, 'blob-get' | 'blob-delete'> {
  return {
    /** end-2: a blob, or spans of it. */
    async 'blob-get'({ repository, digest }, exchange) {
      // A client that asks with HEAD is about to push: it sends what is missing, and relies on the rest.
      const isReliedOn = exchange.request.method === 'HEAD'
      const { size } = await registry.statBlob(repository, digest, { isReliedOn })
      const etag = `"${digest}"`
      const headers: OutgoingHttpHeaders = {
        'content-type': CONTENT_TYPE,
        'docker-content-digest': digest,
        etag,
        'cache-control': CACHE_CONTROL,
        'accept-ranges': 'bytes',
      }
      if (matchesEtag(exchange.request.headers['if-none-match'], digest))
        return replyEmpty(exchange, 304, headers)
      const ranges = parseRanges(exchange, { etag, size })
      const status = ranges ? 206 : 200
      const several =
        ranges && ranges.length > 1 ? new Byteranges(ranges, { size, contentType: CONTENT_TYPE }) : undefined
      Object.assign(headers, several ? toMultipartHeaders(several) : toSpanHeaders(ranges?.[0], size))
      if (exchange.request.method === 'HEAD' || size === 0) return replyEmpty(exchange, status, headers)
      const expectedBytes = Number(headers['content-length'])
      using _share = transfers.enter(callerOf(exchange), exchange, { direction: 'pull', expectedBytes })
      using _guard = guardSending(exchange)
      const { response } = exchange
      await registry.sendBlob(
        { repository, digest, size },
        ranges ?? [{ start: 0, end: size }],
        async (bytes) => {
          // Only now, with the first bytes: a blob that cannot be read still gets an answer with the error.
          if (!response.headersSent) sendHead(exchange, status, headers)
          const before = several?.before(bytes.length)
          if (before) await writeToClient(exchange, before)
          await writeToClient(exchange, bytes)
        },
      )
      if (several) await writeToClient(exchange, several.end)
      response.end()
    },

    /** end-10. */
    async 'blob-delete'({ repository, digest }, exchange) {
      await registry.deleteBlob(repository, digest)
      replyEmpty(exchange, 202, { 'docker-content-digest': digest })
    },
  }
}

function toMultipartHeaders({ contentType, contentLength }: Byteranges): OutgoingHttpHeaders {
  return { 'content-type': contentType, 'content-length': contentLength }
}

function toSpanHeaders(range: ByteRange | undefined, size: number): OutgoingHttpHeaders {
  if (!range) return { 'content-length': size }
  return { 'content-length': range.end - range.start, 'content-range': formatContentRange(range, size) }
}

/**
 * Only GET has ranges (RFC 9110, 14.2), and `If-Range` with any validator but ours means: send the whole (13.1.5). A
 * date is such a one, because no blob is sent with the time it changed.
 */
function parseRanges(
  exchange: Exchange,
  { etag, size }: { etag: string; size: number },
): readonly ByteRange[] | undefined {
  const { method, headers } = exchange.request
  const { range, 'if-range': ifRange } = headers
  if (method !== 'GET' || (ifRange !== undefined && ifRange !== etag)) return undefined
  try {
    return parseRangeHeader(range, size)
  } catch (error) {
    if (error instanceof OciError) exchange.response.setHeader('content-range', `bytes */${size}`)
    throw error
  }
}
