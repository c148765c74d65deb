import { MEDIA_TYPES } from '../../oci/media-type.ts'
import { nextPageLink } from '../next-page-link.ts'
import { replyJson } from '../reply.ts'
import type { Handler } from '../routes.ts'

/** end-12a, end-12b: an image index of what refers to a manifest. */
export const listReferrers: Handler<'referrer-list'> = async (request, exchange, registry) => {
  const { repository, digest, artifactType, page } = request
  const { entries, next } = await registry.listReferrers({ repository, digest, artifactType, page })
  const parameters = {
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(page.n === undefined ? {} : { n: String(entries.length) }),
  }
  replyJson(
    exchange,
    { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: entries },
    {
      headers: {
        'content-type': MEDIA_TYPES.ociIndex,
        ...(artifactType === undefined ? {} : { 'oci-filters-applied': 'artifactType' }),
        ...nextPageLink(`/v2/${repository}/referrers/${digest}`, next, parameters),
      },
    },
  )
}
