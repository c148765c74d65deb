import type { SelectQueryBuilder } from 'kysely'
import type { Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { ReferrerPage, ReferrerPageRequest, ReferrerRow } from '../../metadata.ts'
import type { MetadataSchema } from '../../schema.ts'
import { lastOf } from '../last-of.ts'
import type { Reads } from '../repositories.ts'

type ReferrerSelection = ReferrerPageRequest & { repository: RepositoryName; subject: Digest }

/**
 * Manifests whose subject is a digest, in the order of their digests. Their sizes are read first: annotations may be as
 * large as a manifest, and a thousand of them at once would exceed memory.
 */
export async function listReferrers(db: Reads, selection: ReferrerSelection): Promise<ReferrerPage> {
  // No stored type holds a NUL, which PostgreSQL refuses in a query, too.
  if (selection.artifactType?.includes('\0')) return { rows: [], hasMore: false }
  const sizes = await selectReferrers(db, selection)
    .select(({ fn }) => [
      'digest',
      fn<number | null>('octet_length', ['annotations']).as('annotation_bytes'),
      fn<number | null>('octet_length', ['artifact_type']).as('type_bytes'),
    ])
    .limit(selection.limit + 1)
    .execute()
  const count = countFitting(sizes, selection)
  const rows = count === 0 ? [] : await fetchRows(db, { ...selection, limit: count })
  return { rows, hasMore: sizes.length > count }
}

function selectReferrers(
  db: Reads,
  { repository, subject, artifactType, ...page }: ReferrerSelection,
): SelectQueryBuilder<MetadataSchema, 'repositories' | 'manifests', object> {
  let query = db
    .selectFrom('repositories')
    .innerJoin('manifests', 'manifests.repository_id', 'repositories.id')
    .where('repositories.name', '=', repository)
    .where('manifests.subject', '=', subject)
  if (artifactType !== undefined) query = query.where('artifact_type', '=', artifactType)
  const last = lastOf(page)
  if (last !== undefined) query = query.where('digest', '>', last)
  return query.orderBy('digest')
}

/** Number of rows that fit. The first one always does: an empty page would never end. */
function countFitting(
  sizes: readonly { annotation_bytes: number | null; type_bytes: number | null }[],
  { limit, maxBytes }: ReferrerSelection,
): number {
  let bytes = 0
  const first = sizes.slice(0, limit)
  const tooMany = first.findIndex((row, at) => {
    bytes += (row.annotation_bytes ?? 0) + (row.type_bytes ?? 0)
    return at > 0 && bytes > maxBytes
  })
  return tooMany < 0 ? first.length : tooMany
}

async function fetchRows(db: Reads, selection: ReferrerSelection): Promise<ReferrerRow[]> {
  const rows = await selectReferrers(db, selection)
    .select(['digest', 'media_type', 'size', 'artifact_type', 'annotations'])
    .limit(selection.limit)
    .execute()
  return rows.map((row) => ({
    digest: row.digest as Digest,
    mediaType: row.media_type,
    size: row.size,
    artifactType: row.artifact_type ?? undefined,
    annotationsJson: row.annotations ?? undefined,
  }))
}
