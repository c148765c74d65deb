import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { mountSources } from '../../access/decide.ts'
import { parseContentRange } from '../../oci/byte-range.ts'
import type { Digest } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import { parseEssence } from '../../oci/media-type.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { MountBlob } from '../../registry/push/mount-blob.ts'
import type { PushBlob, UploadKey, UploadStatus } from '../../registry/push/push-blob.ts'
import type { UploadBody } from '../../registry/push/upload-body.ts'
import { freeMemoryOf } from '../../stream/free-memory.ts'
import { discardBody, replyEmpty } from '../answer/reply.ts'
import type { Transfers } from '../bounds/transfers.ts'
import { type Exchange, requireAccount, requireAccountId } from '../request/exchange.ts'
import type { Handlers, RequestOf } from './routes.ts'

/** Dependencies of the handlers of uploads. */
interface Parts {
  readonly registry: PushBlob & MountBlob
  readonly transfers: Transfers
}

type UploadKinds =
  | 'blob-upload-start'
  | 'blob-upload-status'
  | 'blob-upload-append'
  | 'blob-upload-finish'
  | 'blob-upload-cancel'

/** Creates the handlers of upload sessions. */
export function createUploadHandlers({ registry, transfers }: Parts): Pick<Handlers, UploadKinds> {
  return {
    /**
     * end-4a opens a session, end-4b stores the whole blob, end-11 mounts one; a mount without success opens a session.
     */
    async 'blob-upload-start'(request, exchange) {
      const { repository, digest, mount, from, algorithm } = request
      const owner = requireAccountId(exchange)
      if (mount) {
        const readable = mountSources(exchange.principal, exchange.rules)
        const isMounted = await registry.mountBlob({ repository, digest: mount, from, readable })
        if (isMounted) return replyBlobCreated(exchange, repository, mount)
      }
      if (digest) {
        const body = parseUploadBody(exchange.request)
        using _share = transfers.enter(requireAccount(exchange), exchange, toPush(body))
        await registry.pushWholeBlob({ repository, owner, digest }, body)
        return replyBlobCreated(exchange, repository, digest)
      }
      const session = await registry.startUpload({ repository, owner, algorithm: algorithm ?? undefined })
      replyEmpty(exchange, 202, toSessionHeaders(exchange, session))
    },

    /** end-13. */
    async 'blob-upload-status'(request, exchange) {
      const session = await registry.getUploadStatus(toUploadKey(request, exchange))
      replyEmpty(exchange, 204, toSessionHeaders(exchange, session))
    },

    /** end-5: a chunk with its range, or a stream without. */
    async 'blob-upload-append'(request, exchange) {
      const key = toUploadKey(request, exchange)
      const body = parseUploadBody(exchange.request)
      using _share = transfers.enter(requireAccount(exchange), exchange, toPush(body))
      const session = await registry.appendUpload(key, body)
      replyEmpty(exchange, 202, toSessionHeaders(exchange, session))
    },

    /** end-6. */
    async 'blob-upload-finish'(request, exchange) {
      const key = toUploadKey(request, exchange)
      const body = parseUploadBody(exchange.request)
      using _share =
        body.length === 0 ? undefined : transfers.enter(requireAccount(exchange), exchange, toPush(body))
      await registry.finishUpload(key, request.digest, body)
      // The body of a repeated request was not read.
      discardBody(exchange)
      replyBlobCreated(exchange, request.repository, request.digest)
    },

    /** end-14. */
    async 'blob-upload-cancel'(request, exchange) {
      await registry.cancelUpload(toUploadKey(request, exchange))
      replyEmpty(exchange, 204)
    },
  }
}

function toPush({ length }: UploadBody): { direction: 'push'; expectedBytes: number | undefined } {
  return { direction: 'push', expectedBytes: length }
}

function toUploadKey(
  request: RequestOf<Exclude<UploadKinds, 'blob-upload-start'>>,
  exchange: Exchange,
): UploadKey {
  return { id: request.uploadId, repository: request.repository, owner: requireAccountId(exchange) }
}

/** Errors: `RANGE_INVALID`, `BLOB_UPLOAD_INVALID` if the body has another type than bytes. */
function parseUploadBody(request: IncomingMessage): UploadBody {
  const { 'content-range': range, 'content-length': length, 'content-type': type } = request.headers
  if (type !== undefined && parseEssence(type).startsWith('multipart/')) {
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
  // An empty body has no range: clients that end an upload without bytes send anything, such as "3-2" or "3-3".
  const isPlaced = range !== undefined && !(request.method === 'PUT' && announced === 0)
  return {
    source: request,
    release: freeMemoryOf,
    range: isPlaced ? parseContentRange(range) : undefined,
    length: announced,
  }
}

function toSessionHeaders(exchange: Exchange, { id, repository, offset }: UploadStatus): OutgoingHttpHeaders {
  return {
    location: `${exchange.locationBase}/v2/${repository}/blobs/uploads/${id}`,
    // For an empty session Docker accepts only this form, too.
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
