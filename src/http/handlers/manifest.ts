import { OciError } from '../../oci/errors.ts'
import { MAX_MANIFEST_BYTES } from '../../oci/manifest.ts'
import { BodyRoom } from '../body-room.ts'
import { accountOf, holderOf } from '../exchange.ts'
import { matchesEtag } from '../match-etag.ts'
import { readBody } from '../read-body.ts'
import { replyBytes, replyEmpty } from '../reply.ts'
import type { Handler } from '../routes.ts'

/** Memory of all manifests being pushed: sixteen of the largest, or thousands of the usual ones. */
const room = new BodyRoom(16 * MAX_MANIFEST_BYTES)

/** end-3: the bytes as they were pushed, whatever `Accept` says: another form would have another digest. */
export const getManifest: Handler<'manifest-get'> = async ({ repository, reference }, exchange, registry) => {
  const manifest = await registry.getManifest(repository, reference)
  const headers = {
    'content-type': manifest.mediaType,
    'docker-content-digest': manifest.digest,
    etag: `"${manifest.digest}"`,
    // A tag may move at any moment; a cache may keep the answer but must ask again.
    'cache-control': 'private, no-cache',
  }
  if (matchesEtag(exchange.request.headers['if-none-match'], manifest.digest)) {
    return replyEmpty(exchange, 304, headers)
  }
  replyBytes(exchange, manifest.bytes, { headers })
}

/** end-7a, end-7b. */
export const putManifest: Handler<'manifest-put'> = async (request, exchange, registry) => {
  const { repository, reference, tags } = request
  using hold = room.hold(holderOf(exchange))
  const bytes = await readBody(exchange.request, { maxBytes: MAX_MANIFEST_BYTES, tooLarge, hold })
  const contentType = exchange.request.headers['content-type']
  const owner = accountOf(exchange)
  const pushed = await registry.pushManifest({ repository, owner, reference, tags, contentType, bytes })
  replyEmpty(exchange, 201, {
    location: `${exchange.locationBase}/v2/${repository}/manifests/${pushed.digest}`,
    'docker-content-digest': pushed.digest,
    ...(pushed.subject === undefined ? {} : { 'oci-subject': pushed.subject }),
    ...(tags.length === 0 ? {} : { 'oci-tag': tags.join(', ') }),
  })
}

/** end-9. */
export const deleteManifest: Handler<'manifest-delete'> = async (request, exchange, registry) => {
  await registry.deleteManifest(request.repository, request.reference)
  replyEmpty(exchange, 202)
}

function tooLarge(): OciError {
  return new OciError('MANIFEST_INVALID', {
    message: `Manifest invalid: it is larger than ${MAX_MANIFEST_BYTES} bytes`,
    status: 413,
  })
}
