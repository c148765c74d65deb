import type { RepositoryName } from '../../oci/repository-name.ts'
import { findInUse } from '../queries/in-use/find-in-use.ts'
import { findRepositoryId, type Reads } from '../queries/repositories.ts'

/** Images of one repository, at most 500. */
interface Images {
  readonly repository: RepositoryName
  readonly digests: readonly string[]
  readonly now: number
}

/** Images of indexes that are looked at in one query: each is a value of the next one. */
const PAGE = 500

/** Those of the images that are pinned or run, or whose index names one that does, with the reason. */
export async function findProtected(
  db: Reads,
  { repository, digests, now }: Images,
): Promise<ReadonlyMap<string, string>> {
  const reasons = new Map<string, string>()
  const repositoryId = await findRepositoryId(db, repository)
  if (repositoryId === undefined || digests.length === 0) return reasons
  let after: UsedChild | undefined
  do {
    const page = await findUsedChildren(db, { repositoryId, digests, after })
    const inUse = await findInUse(db, {
      repositoryId,
      digests: [...new Set(page.map(({ digest }) => digest))],
      now,
    })
    for (const { manifest_digest, digest } of page) {
      const found = inUse.get(digest)
      if (found) reasons.set(manifest_digest, `its image ${digest.slice(0, 19)}… is in use: ${found.why}`)
    }
    after = page.length < PAGE ? undefined : page.at(-1)
  } while (after)
  for (const [digest, { why }] of await findInUse(db, { repositoryId, digests, now }))
    reasons.set(digest, why)
  return reasons
}

/** An image of an index. */
interface UsedChild {
  readonly manifest_digest: string
  readonly digest: string
}

/** A page of the images of indexes that are pinned or have run, by index and image. */
function findUsedChildren(
  db: Reads,
  {
    repositoryId,
    digests,
    after,
  }: { repositoryId: number; digests: readonly string[]; after: UsedChild | undefined },
): Promise<UsedChild[]> {
  let query = db
    .selectFrom('manifest_references')
    .select(['manifest_digest', 'digest'])
    .where('repository_id', '=', repositoryId)
    .where('kind', '=', 'child')
    .where('manifest_digest', 'in', digests)
    .where((eb) =>
      eb.or([
        eb('digest', 'in', (pins) =>
          pins.selectFrom('pins').select('pins.digest').where('pins.repository_id', '=', repositoryId),
        ),
        eb('digest', 'in', (running) => running.selectFrom('running_images').select('running_images.digest')),
      ]),
    )
  if (after)
    query = query.where((eb) =>
      eb.or([
        eb('manifest_digest', '>', after.manifest_digest),
        eb.and([eb('manifest_digest', '=', after.manifest_digest), eb('digest', '>', after.digest)]),
      ]),
    )
  return query.orderBy('manifest_digest').orderBy('digest').limit(PAGE).execute()
}
