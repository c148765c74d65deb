import type { Reads } from '../queries/repositories.ts'
import { inBatches } from './image-graph.ts'

/**
 * Bytes of blobs that are freed if so many repositories give up each of them, by digest. What more of them hold, or a
 * manifest in the trash, or that is stored as a manifest, has none.
 */
export async function sizeBlobs(
  db: Reads,
  givenUp: ReadonlyMap<string, number>,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  await inBatches([...givenUp.keys()], async (batch) => {
    const links = await db
      .selectFrom('repository_blobs')
      .select('digest')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('digest', 'in', batch)
      .groupBy('digest')
      .execute()
    const counts = new Map(links.map(({ digest, count }) => [digest, Number(count)]))
    const held = await db
      .selectFrom('manifests')
      .select('digest')
      .where('digest', 'in', batch)
      .union(db.selectFrom('trashed_manifests').select('digest').where('digest', 'in', batch))
      .union(db.selectFrom('trashed_references').select('digest').where('digest', 'in', batch))
      .execute()
    const isHeld = new Set(held.map(({ digest }) => digest))
    const rows = await db
      .selectFrom('blobs')
      .select(['digest', 'size'])
      .where('digest', 'in', batch)
      .where('size', '>', 0)
      .execute()
    for (const { digest, size } of rows) {
      const isFreed = (counts.get(digest) ?? 0) <= (givenUp.get(digest) ?? 0) && !isHeld.has(digest)
      if (isFreed) sizes.set(digest, size)
    }
  })
  return sizes
}
