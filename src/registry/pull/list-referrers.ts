import type { ManifestFacts, ReferrerPage, ReferrerRow } from '../../metadata/metadata.ts'
import { algorithmOf, type Digest, hexOf } from '../../oci/digest.ts'
import { isTag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { PageRequest } from '../../oci/request.ts'
import type { ManifestReader } from '../manifests/manifest-reader.ts'
import type { ListPage } from './list-content.ts'

/** Most entries of one page. */
const MAX_REFERRERS = 1_000
/** Most bytes of one page: clients read an index of 4 MiB; its frame and escapes need room. */
const MAX_PAGE_BYTES = 3 * 1024 * 1024

/** A query for referrers. */
export interface ReferrerQuery {
  /** Account of the query: it has one large list at a time under way. */
  readonly owner: string
  readonly repository: RepositoryName
  readonly digest: Digest
  readonly artifactType: string | undefined
  readonly page: PageRequest
}

/** Listing the referrers of a manifest. */
export interface ListReferrers {
  /**
   * Descriptors by digest, each as JSON text: annotations may be megabytes, and are not parsed and written anew. Empty
   * for an unknown subject (distribution-spec "Listing Referrers"). Errors: `TOOMANYREQUESTS` if too many lists with a
   * large index of an older client wait for this account.
   */
  listReferrers(query: ReferrerQuery): Promise<ListPage<string>>
}

/** Dependencies of listing referrers. */
interface Parts {
  readonly metadata: Pick<ManifestFacts, 'listReferrers' | 'findManifest'>
  readonly manifests: ManifestReader
}

/** Creates the use-case of listing referrers. */
export function createListReferrers(parts: Parts): ListReferrers {
  return {
    async listReferrers(query) {
      const limit = Math.min(query.page.n ?? MAX_REFERRERS, MAX_REFERRERS)
      const own = await parts.metadata.listReferrers(query.repository, query.digest, {
        artifactType: query.artifactType,
        last: query.page.last,
        limit,
        maxBytes: MAX_PAGE_BYTES,
      })
      const tagged = await findTaggedReferrers(parts, query, limit)
      return cutPage(merge(own, tagged), limit)
    },
  }
}

/**
 * Referrers that an older client listed in an index under the tag `<algorithm>-<hex>`, as it had to if a registry
 * lacked the API (distribution-spec "Referrers Tag Schema").
 */
async function findTaggedReferrers(
  { metadata, manifests }: Parts,
  { repository, digest, artifactType, page, owner }: ReferrerQuery,
  limit: number,
): Promise<readonly ReferrerRow[]> {
  const tag = `${algorithmOf(digest)}-${hexOf(digest)}`.slice(0, 128)
  if (!isTag(tag)) return []
  const stored = await metadata.findManifest(repository, tag)
  if (!stored) return []
  const { bytes, mediaType } = stored
  // One more than the page holds shows that another follows.
  const request = { bytes, mediaType, artifactType, last: page.last, limit: limit + 1 }
  return manifests.takeTurn(owner, bytes, () => manifests.listChildren(request))
}

/** Both lists by digest. If the repository's own goes on, tagged entries beyond its end wait for the next page. */
function merge({ rows, hasMore }: ReferrerPage, tagged: readonly ReferrerRow[]): ReferrerPage {
  const end = hasMore ? rows.at(-1)?.digest : undefined
  const inReach = end === undefined ? tagged : tagged.filter((row) => row.digest <= end)
  const byDigest = new Map([...inReach, ...rows].map((row) => [row.digest, row]))
  const merged = [...byDigest.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1))
  return { rows: merged, hasMore: hasMore || inReach.length < tagged.length }
}

function cutPage({ rows, hasMore }: ReferrerPage, limit: number): ListPage<string> {
  const entries: string[] = []
  let bytes = 0
  let last: string | undefined
  for (const row of rows) {
    const entry = formatReferrer(row)
    bytes += Buffer.byteLength(entry)
    if (entries.length === limit || (entries.length > 0 && bytes > MAX_PAGE_BYTES)) {
      return { entries, next: last }
    }
    entries.push(entry)
    last = row.digest
  }
  return { entries, next: hasMore ? last : undefined }
}

/** A descriptor as JSON; annotations are inserted as stored. */
function formatReferrer({ annotationsJson, ...descriptor }: ReferrerRow): string {
  const text = JSON.stringify(descriptor)
  return annotationsJson === undefined ? text : `${text.slice(0, -1)},"annotations":${annotationsJson}}`
}
