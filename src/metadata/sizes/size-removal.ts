import { kysely } from '../../database/kysely.ts'
import { findRepositoryId, type Reads } from '../queries/repositories.ts'
import type { Removal } from '../size-facts.ts'
import { contentOf, findFreed, findParts, isNamedOnlyBy, readBlobSizes, sum } from './graph-content.ts'
import { inBatches, readImageGraph } from './image-graph.ts'
import { sumHeld } from './list-namespaces.ts'
import { findKept } from './size-tags.ts'

/** Bytes that nothing holds any more once all of a removal is gone: what its parts share among each other counts, too. */
export async function sizeRemoval(db: Reads, removal: Removal): Promise<number> {
  if ('repositories' in removal) {
    const { sql } = kysely
    if (removal.repositories.length === 0) return 0
    const names = sql.join(removal.repositories)
    return (await sumHeld(db, sql`repositories.name in (${names})`)).uniqueBytes
  }
  const repositoryId = await findRepositoryId(db, removal.repository)
  if (repositoryId === undefined) return 0
  if ('manifest' in removal) {
    return sizeImages(db, {
      repositoryId,
      roots: [removal.manifest],
      isUntagged: (root) => root === removal.manifest,
    })
  }
  const removed = new Map<string, number>()
  await inBatches(removal.tags, async (names) => {
    const rows = await db
      .selectFrom('tags')
      .select('digest')
      .where('repository_id', '=', repositoryId)
      .where('name', 'in', names)
      .execute()
    for (const { digest } of rows) removed.set(digest, (removed.get(digest) ?? 0) + 1)
  })
  const isUntagged = (digest: string, tagCount: number): boolean => (removed.get(digest) ?? 0) >= tagCount
  return sizeImages(db, { repositoryId, roots: [...removed.keys()], isUntagged })
}

interface RemovedImages {
  readonly repositoryId: number
  readonly roots: readonly string[]
  /** True if a manifest with this number of tags has none left. */
  isUntagged(digest: string, tagCount: number): boolean
}

async function sizeImages(db: Reads, { repositoryId, roots, isUntagged }: RemovedImages): Promise<number> {
  const graph = await readImageGraph(db, repositoryId, roots)
  const tagged = new Set<string>()
  await inBatches([...graph.keys()], async (digests) => {
    const rows = await db
      .selectFrom('tags')
      .select('digest')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', digests)
      .groupBy('digest')
      .execute()
    for (const { digest, count } of rows) if (!isUntagged(digest, Number(count))) tagged.add(digest)
  })
  const parts = new Set(roots.flatMap((root) => [...findParts(graph, root)]))
  const own = findKept(graph, parts, (part) => tagged.has(part))
  const blobs = await readBlobSizes(db, repositoryId, graph)
  const freed = await findFreed(db, repositoryId, { graph, blobs, kept: [own] })
  return sum(
    contentOf(graph, blobs, own),
    (one) => freed.manifests.has(one) || (freed.blobs.has(one) && isNamedOnlyBy(freed, one, own)),
  )
}
