import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { findRepositoryId, type Reads } from '../queries/repositories.ts'
import type { RetainedTag, RetentionFacts, TagPlace } from '../retention-facts.ts'

/** {@link RetentionFacts.listRetained} in SQL: the tags are read in the order of an index. */
export async function listRetained(
  db: Reads,
  repository: RepositoryName,
  { after, digest, limit }: { after?: TagPlace | undefined; digest?: Digest | undefined; limit: number },
): Promise<RetainedTag[]> {
  const id = await findRepositoryId(db, repository)
  if (id === undefined) return []
  let query = db
    .selectFrom('tags')
    .leftJoin('manifest_uses', (join) =>
      join
        .onRef('manifest_uses.repository_id', '=', 'tags.repository_id')
        .onRef('manifest_uses.digest', '=', 'tags.digest'),
    )
    .select(['tags.name', 'tags.digest', 'tags.updated_at', 'pulled_at', 'expires_after'])
    .where('tags.repository_id', '=', id)
  if (digest !== undefined) query = query.where('tags.digest', '=', digest)
  if (after !== undefined) {
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('tags.digest', 'tags.name'), '>', tuple(after.digest, after.name)),
    )
  }
  const rows = await query.orderBy('tags.digest').orderBy('tags.name').limit(limit).execute()
  return rows.map((row) => ({
    name: row.name as Tag,
    digest: row.digest as Digest,
    pushedAt: row.updated_at,
    pulledAt: row.pulled_at ?? undefined,
    expiresAfterMs: row.expires_after ?? undefined,
  }))
}

/** {@link RetentionFacts.hasLabels} in SQL: an index has only the images with a label. */
export async function hasLabels(db: Reads, repository: RepositoryName): Promise<boolean> {
  const id = await findRepositoryId(db, repository)
  if (id === undefined) return false
  const row = await db
    .selectFrom('manifest_uses')
    .select('digest')
    .where('repository_id', '=', id)
    .where('expires_after', 'is not', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** {@link RetentionFacts.findStored} in SQL. */
export async function findStored(
  db: Reads,
  repository: RepositoryName,
  digests: readonly string[],
): Promise<ReadonlySet<string>> {
  const id = await findRepositoryId(db, repository)
  if (id === undefined || digests.length === 0) return new Set()
  const found = new Set<string>()
  for (const table of ['manifests', 'trashed_manifests'] as const) {
    const rows = await db
      .selectFrom(table)
      .select('digest')
      .where('repository_id', '=', id)
      .where('digest', 'in', digests)
      .execute()
    for (const row of rows) found.add(row.digest)
  }
  return found
}

/** {@link RetentionFacts.listUntagged} in SQL: what is queued for a look by the collection. */
export async function listUntagged(
  db: Reads,
  repository: RepositoryName,
  { after, limit, since }: { after: string; limit: number; since: number },
): Promise<Awaited<ReturnType<RetentionFacts['listUntagged']>>> {
  const repositoryId = await findRepositoryId(db, repository)
  if (repositoryId === undefined) return []
  const rows = await db
    .selectFrom('collection_queue')
    .select('digest')
    .where('kind', '=', 'manifest')
    .where('repository_id', '=', repositoryId)
    .where('digest', '>', after)
    .where('since', '<=', since)
    .orderBy('digest')
    .limit(limit)
    .execute()
  return rows.map(({ digest }) => ({ repositoryId, digest: digest as Digest }))
}
