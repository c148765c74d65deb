import type { Digest } from '../../oci/digest.ts'
import type { PullableManifest } from '../backup-facts.ts'
import type { Reads } from '../queries/repositories.ts'

/** The manifests behind `after` that clients can pull, by repository and digest. */
export async function listManifests(
  db: Reads,
  { after, limit }: { after: PullableManifest | undefined; limit: number },
): Promise<PullableManifest[]> {
  let query = db
    .selectFrom('manifests')
    .innerJoin('repositories', 'repositories.id', 'manifests.repository_id')
    .select(['repositories.name', 'manifests.repository_id', 'manifests.digest'])
    .where('repositories.trashed_at', 'is', null)
    .orderBy('manifests.repository_id')
    .orderBy('manifests.digest')
    .limit(limit)
  if (after !== undefined) {
    query = query.where(({ eb, and, or }) =>
      or([
        eb('manifests.repository_id', '>', after.repositoryId),
        and([
          eb('manifests.repository_id', '=', after.repositoryId),
          eb('manifests.digest', '>', after.digest),
        ]),
      ]),
    )
  }
  const rows = await query.execute()
  return rows.map((row) => ({
    repository: row.name,
    repositoryId: row.repository_id,
    digest: row.digest as Digest,
  }))
}
