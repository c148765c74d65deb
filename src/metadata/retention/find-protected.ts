import type { RepositoryName } from '../../oci/repository-name.ts'
import { findInUse } from '../queries/in-use/find-in-use.ts'
import { findRepositoryId, type Reads } from '../queries/repositories.ts'

/** Images of one repository, at most 500. */
interface Images {
  readonly repository: RepositoryName
  readonly digests: readonly string[]
  readonly now: number
}

/** Images in use of one index that are looked at: one is enough. */
const MAX_CHILDREN = 1_000

/** Those of the images that are pinned or run, or whose index names one that does, with the reason. */
export async function findProtected(
  db: Reads,
  { repository, digests, now }: Images,
): Promise<ReadonlyMap<string, string>> {
  const reasons = new Map<string, string>()
  const repositoryId = await findRepositoryId(db, repository)
  if (repositoryId === undefined || digests.length === 0) return reasons
  const children = await findUsedChildren(db, { repositoryId, digests })
  const inUse = await findInUse(db, {
    repositoryId,
    digests: [...new Set(children.map(({ digest }) => digest))],
    now,
  })
  for (const { manifest_digest, digest } of children) {
    const found = inUse.get(digest)
    if (found) reasons.set(manifest_digest, `its image ${digest.slice(0, 19)}… is in use: ${found.why}`)
  }
  for (const [digest, { why }] of await findInUse(db, { repositoryId, digests, now }))
    reasons.set(digest, why)
  return reasons
}

/** Images of indexes that are pinned or have run. */
function findUsedChildren(
  db: Reads,
  { repositoryId, digests }: { repositoryId: number; digests: readonly string[] },
): Promise<{ manifest_digest: string; digest: string }[]> {
  return db
    .selectFrom('manifest_references')
    .select(['manifest_digest', 'digest'])
    .where('repository_id', '=', repositoryId)
    .where('kind', '=', 'child')
    .where('manifest_digest', 'in', digests)
    .where((eb) =>
      eb.or([
        eb('digest', 'in', (query) =>
          query.selectFrom('pins').select('pins.digest').where('pins.repository_id', '=', repositoryId),
        ),
        eb('digest', 'in', (query) => query.selectFrom('running_images').select('running_images.digest')),
      ]),
    )
    .limit(MAX_CHILDREN)
    .execute()
}
