import type { DueItem } from '../collection-facts.ts'
import type { Reads } from '../queries/repositories.ts'
import { sizeBlobs } from '../sizes/size-blobs.ts'
import { sizeRemovals } from '../sizes/size-removal.ts'
import { sizeTrashed } from '../sizes/size-trashed.ts'

/** Bytes freed by the removal of each entry, with what goes with it. Content of several entries counts with the first. */
export async function measureRemovals(
  db: Reads,
  items: readonly DueItem[],
): Promise<ReadonlyMap<DueItem, number>> {
  const sizes = new Map<DueItem, number>()
  for (const item of items.filter(({ kind }) => kind === 'repository')) {
    sizes.set(item, await sizeRepository(db, item.repositoryId))
  }
  for (const [kind, measure] of [
    ['manifest', sizeRemovals],
    ['trashed', sizeTrashed],
  ] as const) {
    for (const [repositoryId, some] of groupByRepository(items.filter((item) => item.kind === kind))) {
      const digests = some.map(({ digest }) => digest)
      const found = await measure(db, repositoryId, digests)
      for (const item of some) sizes.set(item, found.get(item.digest) ?? 0)
    }
  }
  await measureBlobs(db, items, sizes)
  return sizes
}

/** Bytes that only this repository holds. */
async function sizeRepository(db: Reads, repositoryId: number): Promise<number> {
  let bytes = 0
  for (const table of ['repository_sizes', 'size_changes'] as const) {
    const row = await db
      .selectFrom(table)
      .select(({ fn }) => fn.sum<number | null>('unique_bytes').as('bytes'))
      .where('repository_id', '=', repositoryId)
      .executeTakeFirst()
    bytes += Number(row?.bytes ?? 0)
  }
  return bytes
}

/** Entries of links and of bytes: a blob is freed once no repository is left that holds it. */
async function measureBlobs(
  db: Reads,
  items: readonly DueItem[],
  sizes: Map<DueItem, number>,
): Promise<void> {
  const givenUp = new Map<string, number>()
  const blobs = items.filter(({ kind }) => kind === 'link' || kind === 'blob')
  for (const { kind, digest } of blobs) {
    givenUp.set(digest, (givenUp.get(digest) ?? 0) + (kind === 'link' ? 1 : 0))
  }
  const found = await sizeBlobs(db, givenUp)
  for (const item of blobs) {
    sizes.set(item, found.get(item.digest) ?? 0)
    found.delete(item.digest)
  }
}

function groupByRepository(items: readonly DueItem[]): Map<number, DueItem[]> {
  const groups = new Map<number, DueItem[]>()
  for (const item of items) {
    const group = groups.get(item.repositoryId)
    if (group) group.push(item)
    else groups.set(item.repositoryId, [item])
  }
  return groups
}
