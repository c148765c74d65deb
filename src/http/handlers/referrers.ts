import { MEDIA_TYPES } from '../../oci/media-type.ts'
import { accountOf } from '../exchange.ts'
import { nextPageLink } from '../next-page-link.ts'
import { replyBytes } from '../reply.ts'
import type { Handler } from '../routes.ts'

/** end-12a, end-12b: an image index of what refers to a manifest. */
export const listReferrers: Handler<'referrer-list'> = async (request, exchange, registry) => {
  const { repository, digest, artifactType, page } = request
  const owner = accountOf(exchange)
  const { entries, next } = await registry.listReferrers({ repository, owner, digest, artifactType, page })
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
}
