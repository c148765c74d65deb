import type { ReferrerPage, ReferrerRow } from '../metadata/metadata.ts'
import { algorithmOf, type Digest, hexOf } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { parseManifest } from '../oci/manifest.ts'
import { isTag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { PageRequest } from '../oci/request.ts'
import type { ListPage } from './list-content.ts'
import type { RegistryParts } from './registry.ts'

/** Entries of one page at most. */
const MAX_REFERRERS = 1_000
/** Bytes of one page at most: clients read an index of 4 MiB; its frame and escapes need room. */
const MAX_PAGE_BYTES = 3 * 1024 * 1024

/** A question for referrers. */
export interface ReferrerQuery {
  readonly repository: RepositoryName
  readonly digest: Digest
  readonly artifactType: string | undefined
  readonly page: PageRequest
}

/** Listing what refers to a manifest. */
export interface ListReferrers {
  /** Descriptors by digest; empty for a subject nobody knows (distribution-spec "Listing Referrers"). */
  listReferrers(query: ReferrerQuery): Promise<ListPage<ReferrerRow>>
}

/** Creates the use-case of listing referrers. */
export function createListReferrers(parts: RegistryParts): ListReferrers {
  return {
    async listReferrers(query) {
      const limit = Math.min(query.page.n ?? MAX_REFERRERS, MAX_REFERRERS)
      const own = await parts.metadata.listReferrers(query.repository, query.digest, {
        artifactType: query.artifactType,
        last: query.page.last,
        limit,
        maxBytes: MAX_PAGE_BYTES,
      })
      const tagged = await referrersOfFallbackTag(parts, query)
      return cutPage(merge(own, tagged), limit)
    },
  }
}

/**
 * Referrers that an older client listed in an index under the tag `<algorithm>-<hex>`, as it had to where a registry
 * lacked the API (distribution-spec "Referrers Tag Schema").
 */
async function referrersOfFallbackTag(
  { metadata }: RegistryParts,
  { repository, digest, artifactType, page }: ReferrerQuery,
): Promise<ReferrerRow[]> {
  const tag = `${algorithmOf(digest)}-${hexOf(digest)}`.slice(0, 128)
  if (!isTag(tag)) return []
  const stored = await metadata.findManifest(repository, tag)
  if (!stored) return []
  return childrenOf(stored.bytes, stored.mediaType).filter(
    (row) =>
      (artifactType === undefined || row.artifactType === artifactType) &&
      (page.last === undefined || row.digest > page.last),
  )
}

function childrenOf(bytes: Uint8Array, mediaType: string): ReferrerRow[] {
  try {
    return parseManifest(bytes, mediaType).children.map((child) => ({
      digest: child.digest,
      mediaType: child.mediaType,
      size: child.size,
      artifactType: child.artifactType,
      annotations: child.annotations,
    }))
  } catch (error) {
    // A tag of this form may point at anything; what is no index lists nothing.
    if (error instanceof OciError) return []
    throw error
  }
}

/** Both lists by digest. Where the repository's own goes on, what the tag lists behind its end waits for the next page. */
function merge({ rows, hasMore }: ReferrerPage, tagged: readonly ReferrerRow[]): ReferrerPage {
  const end = hasMore ? rows.at(-1)?.digest : undefined
  const inReach = end === undefined ? tagged : tagged.filter((row) => row.digest <= end)
  const byDigest = new Map([...inReach, ...rows].map((row) => [row.digest, row]))
  const merged = [...byDigest.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1))
  return { rows: merged, hasMore: hasMore || inReach.length < tagged.length }
}

function cutPage({ rows, hasMore }: ReferrerPage, limit: number): ListPage<ReferrerRow> {
  const entries: ReferrerRow[] = []
  let bytes = 0
  for (const row of rows) {
    bytes += Buffer.byteLength(JSON.stringify(row))
    if (entries.length === limit || (entries.length > 0 && bytes > MAX_PAGE_BYTES)) {
      return { entries, next: entries.at(-1)?.digest }
    }
    entries.push(row)
  }
  return { entries, next: hasMore ? entries.at(-1)?.digest : undefined }
}
