import type { Digest } from '../../../oci/digest.ts'
import type { Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { TrashedContent } from '../../restore-facts.ts'
import type { Reads } from '../repositories.ts'

/** Tags shown of one manifest. */
const TAGS = 100

/** Deleted repositories and manifests, the latest first. Manifests of a deleted repository are part of it. */
export async function listTrash(db: Reads, limit: number): Promise<TrashedContent[]> {
  const repositories = await db
    .selectFrom('repositories')
    .select(['trashed_name', 'trashed_at', 'trashed_by'])
    .where('trashed_name', 'is not', null)
    .orderBy('trashed_at', 'desc')
    .limit(limit)
    .execute()
  const manifests = await db
    .selectFrom('trashed_manifests')
    .innerJoin('repositories', 'repositories.id', 'trashed_manifests.repository_id')
    .select([
      'repository_id',
      'name',
      'digest',
      'trashed_manifests.trashed_at as at',
      'trashed_manifests.trashed_by as by',
    ])
    .where('repositories.trashed_at', 'is', null)
    // One that was pushed again is not gone: nothing of it can be restored.
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('manifests')
            .select('manifests.digest')
            .whereRef('manifests.repository_id', '=', 'trashed_manifests.repository_id')
            .whereRef('manifests.digest', '=', 'trashed_manifests.digest'),
        ),
      ),
    )
    .orderBy('at', 'desc')
    .limit(limit)
    .execute()
  const content: TrashedContent[] = repositories.map((row) => ({
    repository: row.trashed_name as RepositoryName,
    digest: undefined,
    at: new Date(row.trashed_at ?? 0),
    by: row.trashed_by ?? undefined,
    tags: [],
  }))
  for (const row of manifests) {
    content.push({
      repository: row.name as RepositoryName,
      digest: row.digest as Digest,
      at: new Date(row.at),
      by: row.by ?? undefined,
      tags: await findTags(db, row),
    })
  }
  return content.sort((one, other) => other.at.getTime() - one.at.getTime()).slice(0, limit)
}

async function findTags(
  db: Reads,
  { repository_id, digest, at }: { repository_id: number; digest: string; at: number },
): Promise<Tag[]> {
  const rows = await db
    .selectFrom('tag_history')
    .select('name')
    .distinct()
    .where('repository_id', '=', repository_id)
    .where('digest', '=', digest)
    .where('ended_at', '=', at)
    .where('ended_how', '=', 'manifest-deleted')
    .orderBy('name')
    .limit(TAGS)
    .execute()
  return rows.map(({ name }) => name as Tag)
}
