import type { Digest } from '../../../oci/digest.ts'
import type { Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { TrashedContent } from '../../restore-facts.ts'
import { findInUse } from '../in-use/find-in-use.ts'
import type { Reads } from '../repositories.ts'

/** Tags shown of one manifest. */
const TAGS = 100
/** Running images of one repository that are looked at. */
const RUNNING = 100

/** Deleted repositories and manifests, the latest first. Manifests of a deleted repository are part of it. */
export async function listTrash(db: Reads, limit: number, now: number): Promise<TrashedContent[]> {
  const repositories = await db
    .selectFrom('repositories')
    .select(['id', 'trashed_name', 'trashed_at', 'trashed_by'])
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
  const content: TrashedContent[] = []
  for (const row of repositories) {
    content.push({
      repository: row.trashed_name as RepositoryName,
      digest: undefined,
      at: new Date(row.trashed_at ?? 0),
      by: row.trashed_by ?? undefined,
      tags: [],
      inUse: await findUse(db, { repositoryId: row.id, digests: await findRunning(db, row), now }),
    })
  }
  for (const row of manifests) {
    content.push({
      repository: row.name as RepositoryName,
      digest: row.digest as Digest,
      at: new Date(row.at),
      by: row.by ?? undefined,
      tags: await findTags(db, row),
      inUse: await findUse(db, { repositoryId: row.repository_id, digests: [row.digest], now }),
    })
  }
  return content.sort((one, other) => other.at.getTime() - one.at.getTime()).slice(0, limit)
}

/** Images of a deleted repository that containers run: they keep all of it. */
async function findRunning(
  db: Reads,
  { id, trashed_name }: { id: number; trashed_name: string | null },
): Promise<string[]> {
  const rows = await db
    .selectFrom('running_images')
    .innerJoin('manifests', 'manifests.digest', 'running_images.digest')
    .select('running_images.digest')
    .distinct()
    .where('running_images.repository', '=', trashed_name)
    .where('manifests.repository_id', '=', id)
    .limit(RUNNING)
    .execute()
  return rows.map(({ digest }) => digest)
}

async function findUse(
  db: Reads,
  manifests: { repositoryId: number; digests: readonly string[]; now: number },
): Promise<string | undefined> {
  const [use] = (await findInUse(db, manifests)).values()
  return use?.why
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
