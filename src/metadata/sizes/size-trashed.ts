import type { Reads } from '../queries/repositories.ts'
import { inBatches } from './image-graph.ts'

/**
 * Bytes that are freed if deleted manifests of a repository can no longer be restored, by digest. Content that several
 * of them hold counts with the first.
 */
export async function sizeTrashed(
  db: Reads,
  repositoryId: number,
  digests: readonly string[],
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  const naming = new Map<string, string[]>()
  await inBatches(digests, async (batch) => {
    const manifests = await db
      .selectFrom('trashed_manifests')
      .select(['digest', 'size'])
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', batch)
      .execute()
    for (const { digest, size } of manifests) sizes.set(digest, size)
    const named = await db
      .selectFrom('trashed_references')
      .select(['manifest_digest', 'digest'])
      .where('repository_id', '=', repositoryId)
      .where('manifest_digest', 'in', batch)
      .where('kind', '=', 'blob')
      .execute()
    for (const { manifest_digest, digest } of named) {
      naming.set(digest, [...(naming.get(digest) ?? []), manifest_digest])
    }
  })
  await inBatches([...sizes.keys()], async (batch) => {
    const held = await db
      .selectFrom('trashed_manifests')
      .select('digest')
      .where('digest', 'in', batch)
      .where('repository_id', '<>', repositoryId)
      .union(db.selectFrom('manifests').select('digest').where('digest', 'in', batch))
      .execute()
    for (const { digest } of held) sizes.set(digest, 0)
  })
  await inBatches([...naming.keys()], async (batch) => {
    for (const { digest, size } of await findFreedBlobs(db, repositoryId, { batch, naming })) {
      const first = digests.find((one) => naming.get(digest)?.includes(one)) ?? ''
      sizes.set(first, (sizes.get(first) ?? 0) + size)
    }
  })
  return sizes
}

/** Blobs that only the given manifests name, and only this repository holds. */
async function findFreedBlobs(
  db: Reads,
  repositoryId: number,
  { batch, naming }: { batch: string[]; naming: ReadonlyMap<string, readonly string[]> },
): Promise<{ digest: string; size: number }[]> {
  const counts = await db
    .selectFrom('trashed_references')
    .select('digest')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('digest', 'in', batch)
    .where('kind', '=', 'blob')
    .groupBy('digest')
    .execute()
  const named = new Map(counts.map(({ digest, count }) => [digest, Number(count)]))
  const rows = await db
    .selectFrom('blobs')
    .select(['digest', 'size'])
    .where('digest', 'in', batch)
    .where('size', '>', 0)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('manifest_references')
            .select('manifest_references.digest')
            .where('repository_id', '=', repositoryId)
            .whereRef('manifest_references.digest', '=', 'blobs.digest'),
        ),
      ),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('repository_blobs')
            .select('repository_blobs.digest')
            .where('repository_id', '<>', repositoryId)
            .whereRef('repository_blobs.digest', '=', 'blobs.digest'),
        ),
      ),
    )
    .execute()
  return rows.filter(({ digest }) => named.get(digest) === naming.get(digest)?.length)
}
