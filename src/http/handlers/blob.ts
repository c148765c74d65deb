import type { OutgoingHttpHeaders } from 'node:http'
import { type ByteRange, parseRangeHeader } from '../../oci/byte-range.ts'
import { OciError } from '../../oci/errors.ts'
import { accountOf, type Exchange } from '../exchange.ts'
import { matchesEtag } from '../match-etag.ts'
import { guardSending, replyEmpty, sendHead, writeToClient } from '../reply.ts'
import type { Handler } from '../routes.ts'
import { enterTransfer } from '../transfers.ts'

/** A year: what a digest names never changes. Private: the answer depended on who asked. */
const CACHE_CONTROL = 'private, max-age=31536000, immutable'

/** end-2: a blob, or a span of it. */
export const getBlob: Handler<'blob-get'> = async ({ repository, digest }, exchange, registry) => {
  const { size } = await registry.statBlob(repository, digest)
  const etag = `"${digest}"`
  const headers: OutgoingHttpHeaders = {
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    etag,
    'cache-control': CACHE_CONTROL,
    'accept-ranges': 'bytes',
  }
  if (matchesEtag(exchange.request.headers['if-none-match'], digest))
    return replyEmpty(exchange, 304, headers)
  const range = rangeOf(exchange, { etag, size })
  const { start, end } = range ?? { start: 0, end: size }
  headers['content-length'] = end - start
  if (range) headers['content-range'] = `bytes ${start}-${end - 1}/${size}`
  const status = range ? 206 : 200
  if (exchange.request.method === 'HEAD' || start === end) return replyEmpty(exchange, status, headers)
  using _share = enterTransfer(accountOf(exchange))
  using _guard = guardSending(exchange)
  const { response } = exchange
  await registry.sendBlob({ digest, size }, { start, end }, async (bytes) => {
    // Only now, when the first bytes are here: a blob that cannot be read still gets an answer that says so.
    if (!response.headersSent) sendHead(exchange, status, headers)
    await writeToClient(exchange, bytes)
  })
  response.end()
}

/**
 * Only GET has ranges (RFC 9110, 14.2), and `If-Range` with any validator but ours means: send the whole (13.1.5). A
 * date is such a one, because no blob is sent with the time it changed.
 */
function rangeOf(exchange: Exchange, { etag, size }: { etag: string; size: number }): ByteRange | undefined {
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

/** end-10. */
export const deleteBlob: Handler<'blob-delete'> = async ({ repository, digest }, exchange, registry) => {
  await registry.deleteBlob(repository, digest)
  replyEmpty(exchange, 202, { 'docker-content-digest': digest })
}
