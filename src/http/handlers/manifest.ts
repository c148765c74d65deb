import { includesAction } from '../../access/action-mask.ts'
import { actionsOf } from '../../access/decide.ts'
import { OciError } from '../../oci/errors.ts'
import { MAX_MANIFEST_BYTES } from '../../oci/manifest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { DeleteContent } from '../../registry/delete-content.ts'
import type { PullContent } from '../../registry/pull/pull-content.ts'
import type { ManifestPush, PushManifest } from '../../registry/push/push-manifest.ts'
import { matchesEtag } from '../answer/match-etag.ts'
import { replyBytes, replyEmpty } from '../answer/reply.ts'
import type { BodyRoom } from '../bounds/body-room.ts'
import { type Exchange, holderOf, requireAccount } from '../request/exchange.ts'
import { readBody } from '../request/read-body.ts'
import type { Handlers } from './routes.ts'

/** Dependencies of the handlers of manifests. */
interface Parts {
  readonly registry: Pick<
    PullContent & PushManifest & DeleteContent,
    'getManifest' | 'pushManifest' | 'deleteManifest'
  >
  /** Memory of all manifests that are being pushed. */
  readonly room: BodyRoom
}

/** Creates the handlers of manifests. */
export function createManifestHandlers({
  registry,
  room,
}: Parts): Pick<Handlers, 'manifest-get' | 'manifest-put' | 'manifest-delete'> {
  return {
    /** end-3: the bytes as they were pushed, whatever `Accept` says: another form would have another digest. */
    async 'manifest-get'({ repository, reference }, exchange) {
      const manifest = await registry.getManifest(repository, reference)
      const headers = {
        'content-type': manifest.mediaType,
        'docker-content-digest': manifest.digest,
        etag: `"${manifest.digest}"`,
        // A tag may move at any moment; a cache may keep the answer but must revalidate it.
        'cache-control': 'private, no-cache',
      }
      if (matchesEtag(exchange.request.headers['if-none-match'], manifest.digest)) {
        return replyEmpty(exchange, 304, headers)
      }
      replyBytes(exchange, manifest.bytes, { headers })
    },

    /** end-7a, end-7b. */
    async 'manifest-put'(request, exchange) {
      const { repository, reference, tags } = request
      using hold = room.hold(holderOf(exchange))
      const bytes = await readBody(exchange.request, { maxBytes: MAX_MANIFEST_BYTES, tooLarge, hold })
      const contentType = exchange.request.headers['content-type']
      const owner = requireAccount(exchange)
      const tagRights = tagRightsOf(exchange, repository)
      const push = { repository, owner, reference, tags, contentType, bytes, tagRights }
      const pushed = await registry.pushManifest(push)
      replyEmpty(exchange, 201, {
        location: `${exchange.locationBase}/v2/${repository}/manifests/${pushed.digest}`,
        'docker-content-digest': pushed.digest,
        ...(pushed.subject === undefined ? {} : { 'oci-subject': pushed.subject }),
        ...(pushed.unreadExpiry === undefined ? {} : { warning: warnOfExpiry(pushed.unreadExpiry) }),
        ...(tags.length === 0 ? {} : { 'oci-tag': tags.join(', ') }),
      })
    },

    /** end-9. */
    async 'manifest-delete'(request, exchange) {
      await registry.deleteManifest(request.repository, request.reference, requireAccount(exchange))
      replyEmpty(exchange, 202)
    },
  }
}

/** Rights to tags: whether one is made or moved is known only in the transaction that writes it. */
function tagRightsOf({ principal, rules }: Exchange, repository: RepositoryName): ManifestPush['tagRights'] {
  const actions = actionsOf(principal, repository, rules)
  return {
    mayCreate: includesAction(actions, 'create'),
    mayOverwrite: includesAction(actions, 'overwrite'),
  }
}

/** Clients that follow the distribution spec show a warning with code 299. */
function warnOfExpiry(label: string): string {
  return `299 - "The label ${label} is no duration such as 12h or 3d: it does not count"`
}

function tooLarge(): OciError {
  return new OciError('MANIFEST_INVALID', {
    message: `Manifest invalid: it is larger than ${MAX_MANIFEST_BYTES} bytes`,
    status: 413,
  })
}
