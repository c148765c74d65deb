import type { Digest } from '../../../oci/digest.ts'
import { isDigestReference, type Reference, type Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { Pin } from '../../in-use-facts.ts'
import { enqueue } from '../collection-queue.ts'
import { findRepositoryId, type Reads, type Writes } from '../repositories.ts'

/** A reference in a repository. */
interface Target {
  readonly repository: RepositoryName
  readonly reference: Reference
}

/** Pins a manifest; undefined if there is none. */
export async function pin(
  tx: Writes,
  {
    repository,
    reference,
    reason,
    by,
    now,
  }: Target & { reason: string | undefined; by: string | undefined; now: number },
): Promise<Pin | undefined> {
  const found = await findManifest(tx, { repository, reference })
  if (!found) return undefined
  const tag = isDigestReference(reference) ? undefined : reference
  const row = { tag: tag ?? null, reason: reason ?? null, pinned_at: now, pinned_by: by ?? null }
  await tx
    .insertInto('pins')
    .values({ repository_id: found.repositoryId, digest: found.digest, ...row })
    .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doUpdateSet(row))
    .execute()
  return { repository, digest: found.digest as Digest, tag, reason, at: new Date(now), by }
}

/** Ends pins. The manifests are looked at anew: nothing else may need them. */
export async function unpin(
  tx: Writes,
  { repository, reference, now }: Target & { now: number },
): Promise<Digest[]> {
  const repositoryId = await findRepositoryId(tx, repository)
  if (repositoryId === undefined) return []
  const found = await findManifest(tx, { repository, reference })
  const removed = await tx
    .deleteFrom('pins')
    .where('repository_id', '=', repositoryId)
    .where((eb) =>
      isDigestReference(reference)
        ? eb('digest', '=', reference)
        : eb.or([eb('tag', '=', reference), eb('digest', '=', found?.digest ?? '')]),
    )
    .returning('digest')
    .execute()
  const keys = removed.map(({ digest }) => ({ kind: 'manifest' as const, repositoryId, digest }))
  await enqueue(tx, keys, { since: now, reason: 'unpinned' })
  return removed.map(({ digest }) => digest as Digest)
}

/** Pins of one repository, or of all. */
export async function listPins(
  db: Reads,
  { repository, limit }: { repository?: RepositoryName | undefined; limit: number },
): Promise<Pin[]> {
  let query = db
    .selectFrom('pins')
    .innerJoin('repositories', 'repositories.id', 'pins.repository_id')
    .select(['name', 'digest', 'tag', 'reason', 'pinned_at', 'pinned_by'])
  if (repository !== undefined) query = query.where('name', '=', repository)
  const rows = await query.orderBy('name').orderBy('digest').limit(limit).execute()
  return rows.map((row) => ({
    repository: row.name as RepositoryName,
    digest: row.digest as Digest,
    tag: (row.tag ?? undefined) as Tag | undefined,
    reason: row.reason ?? undefined,
    at: new Date(row.pinned_at),
    by: row.pinned_by ?? undefined,
  }))
}

async function findManifest(
  db: Reads,
  { repository, reference }: Target,
): Promise<{ repositoryId: number; digest: string } | undefined> {
  const repositoryId = await findRepositoryId(db, repository)
  if (repositoryId === undefined) return undefined
  const table = isDigestReference(reference) ? 'manifests' : 'tags'
  const row = await db
    .selectFrom(table)
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where((table === 'tags' ? 'name' : 'digest') as 'digest', '=', reference)
    .executeTakeFirst()
  return row && { repositoryId, digest: row.digest }
}
