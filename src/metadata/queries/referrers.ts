import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { Page, ReferrerRow } from '../metadata.ts'
import type { Queries } from './repositories.ts'

/** Manifests whose subject is a digest, in the order of their digests. */
export async function listReferrers(
  db: Queries,
  wanted: Page & { repository: RepositoryName; subject: Digest; artifactType: string | undefined },
): Promise<ReferrerRow[]> {
  let query = db
    .selectFrom('repositories')
    .innerJoin('manifests', 'manifests.repository_id', 'repositories.id')
    .select(['digest', 'media_type', 'size', 'artifact_type', 'annotations'])
    .where('repositories.name', '=', wanted.repository)
    .where('manifests.subject', '=', wanted.subject)
  if (wanted.artifactType !== undefined) query = query.where('artifact_type', '=', wanted.artifactType)
  if (wanted.last !== undefined) query = query.where('digest', '>', wanted.last)
  const rows = await query.orderBy('digest').limit(wanted.limit).execute()
  return rows.map((row) => ({
    digest: row.digest as Digest,
    mediaType: row.media_type,
    size: row.size,
    artifactType: row.artifact_type ?? undefined,
    annotations: row.annotations === null ? undefined : JSON.parse(row.annotations),
  }))
}
