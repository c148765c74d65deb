import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { mountSources } from '../../access/decide.ts'
import { parseContentRange } from '../../oci/byte-range.ts'
import type { Digest } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import { essenceOf } from '../../oci/media-type.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { UploadKey, UploadStatus } from '../../registry/push-blob.ts'
import type { UploadBody } from '../../registry/upload-body.ts'
import { freeMemoryOf } from '../../stream/free-memory.ts'
import { accountIdOf, accountOf, type Exchange } from '../exchange.ts'
import { discardBody, replyEmpty } from '../reply.ts'
import type { Handler, RequestOf } from '../routes.ts'
import { enterTransfer } from '../transfers.ts'

/** end-4a opens a session, end-4b takes the whole blob, end-11 mounts one; a mount that misses opens a session. */
export const startUpload: Handler<'blob-upload-start'> = async (request, exchange, registry) => {
  const { repository, digest, mount, from, algorithm } = request
  const owner = accountIdOf(exchange)
  if (mount) {
    const readable = mountSources(exchange.principal)
    const isMounted = await registry.mountBlob({ repository, digest: mount, from, readable })
    if (isMounted) return replyBlobCreated(exchange, repository, mount)
  }
  if (digest) {
    using _share = enterTransfer(accountOf(exchange))
    await registry.pushWholeBlob({ repository, owner, digest }, bodyOf(exchange.request))
    return replyBlobCreated(exchange, repository, digest)
  }
  const session = await registry.startUpload({ repository, owner, algorithm: algorithm ?? undefined })
  replyEmpty(exchange, 202, sessionHeaders(exchange, session))
}

/** end-13. */
export const getUploadStatus: Handler<'blob-upload-status'> = async (request, exchange, registry) => {
  const session = await registry.getUploadStatus(keyOf(request, exchange))
  replyEmpty(exchange, 204, sessionHeaders(exchange, session))
}

/** end-5: a chunk with its place, or a stream without. */
export const appendUpload: Handler<'blob-upload-append'> = async (request, exchange, registry) => {
  const key = keyOf(request, exchange)
  using _share = enterTransfer(accountOf(exchange))
  const session = await registry.appendUpload(key, bodyOf(exchange.request))
  replyEmpty(exchange, 202, sessionHeaders(exchange, session))
}

/** end-6. */
export const finishUpload: Handler<'blob-upload-finish'> = async (request, exchange, registry) => {
  const key = keyOf(request, exchange)
  const body = bodyOf(exchange.request)
  using _share = body.length === 0 ? undefined : enterTransfer(accountOf(exchange))
  await registry.finishUpload(key, request.digest, body)
  // Of a request that is repeated nothing was read.
  discardBody(exchange)
  replyBlobCreated(exchange, request.repository, request.digest)
}

/** end-14. */
export const cancelUpload: Handler<'blob-upload-cancel'> = async (request, exchange, registry) => {
  await registry.cancelUpload(keyOf(request, exchange))
  replyEmpty(exchange, 204)
}

function keyOf(
  request: RequestOf<
    'blob-upload-status' | 'blob-upload-append' | 'blob-upload-finish' | 'blob-upload-cancel'
  >,
  exchange: Exchange,
): UploadKey {
  return { id: request.uploadId, repository: request.repository, owner: accountIdOf(exchange) }
}

/** Errors: `RANGE_INVALID`, `BLOB_UPLOAD_INVALID` if the body is said to be something else than bytes. */
function bodyOf(request: IncomingMessage): UploadBody {
  const { 'content-range': range, 'content-length': length, 'content-type': type } = request.headers
  if (type !== undefined && essenceOf(type).startsWith('multipart/')) {
    throw new OciError('BLOB_UPLOAD_INVALID', {
      message: 'The body must be the bytes of the blob: send them as application/octet-stream',
    })
  }
  const coding = request.headers['transfer-encoding']
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') {
    throw new OciError('BLOB_UPLOAD_INVALID', {
      message:
        'The body is sent in a coding that would be stored with it: use no Transfer-Encoding but chunked',
    })
  }
  const hasBody = length !== undefined || coding !== undefined
  const announced = hasBody ? (length === undefined ? undefined : Number(length)) : 0
  // No bytes have no place: clients that end an upload without any write what they like, such as "3-2" or "3-3".
  const isPlaced = range !== undefined && !(request.method === 'PUT' && announced === 0)
  return {
    source: request,
    release: freeMemoryOf,
    range: isPlaced ? parseContentRange(range) : undefined,
    length: announced,
  }
}

function sessionHeaders(exchange: Exchange, { id, repository, offset }: UploadStatus): OutgoingHttpHeaders {
  return {
    location: `${exchange.locationBase}/v2/${repository}/blobs/uploads/${id}`,
    // Of an empty session Docker accepts only this form, too.
    range: `0-${Math.max(0, offset - 1)}`,
    'docker-upload-uuid': id,
  }
}

function replyBlobCreated(exchange: Exchange, repository: RepositoryName, digest: Digest): void {
  replyEmpty(exchange, 201, {
    location: `${exchange.locationBase}/v2/${repository}/blobs/${digest}`,
    'docker-content-digest': digest,
  })
}
