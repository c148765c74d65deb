import { MEDIA_TYPES } from '../../oci/media-type.ts'
import type { ListReferrers } from '../../registry/pull/list-referrers.ts'
import { nextPageLink } from '../answer/next-page-link.ts'
import { replyBytes } from '../answer/reply.ts'
import { callerOf } from '../request/exchange.ts'
import type { Handlers } from './routes.ts'

/** Creates the handler of referrers. */
export function createReferrerHandler({
  registry,
}: {
  registry: ListReferrers
}): Pick<Handlers, 'referrer-list'> {
  return {
    /** end-12a, end-12b: an image index of the referrers of a manifest. */
    async 'referrer-list'(request, exchange) {
      const { repository, digest, artifactType, page } = request
      const owner = callerOf(exchange)
      const { entries, next } = await registry.listReferrers({
        repository,
        owner,
        digest,
        artifactType,
        page,
      })
      const parameters = {
        ...(artifactType === undefined ? {} : { artifactType }),
        ...(page.n === undefined ? {} : { n: String(entries.length) }),
      }
      const head = `"schemaVersion":2,"mediaType":"${MEDIA_TYPES.ociIndex}"`
      replyBytes(exchange, Buffer.from(`{${head},"manifests":[${entries.join(',')}]}`), {
        headers: {
          'content-type': MEDIA_TYPES.ociIndex,
          ...(artifactType === undefined ? {} : { 'oci-filters-applied': 'artifactType' }),
          ...nextPageLink(`/v2/${repository}/referrers/${digest}`, next, parameters),
        },
      })
    },
  }
}
