import { kysely } from '../../database/kysely.ts'
import { findRepositoryId, type Reads } from '../queries/repositories.ts'
import type { Removal } from '../size-facts.ts'
import { contentOf, findFreed, findParts, readBlobSizes, sum } from './graph-content.ts'
import { type ImageGraph, inBatches, readImageGraph } from './image-graph.ts'
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

/**
 * Bytes that are freed if manifests of a repository go that nothing needs, with the images of indexes and the referrers
 * that go with them, by digest. Content that several of them hold counts with the first. Memory grows with what the manifests name.
 */
export async function sizeRemovals(
  db: Reads,
  repositoryId: number,
  digests: readonly string[],
): Promise<Map<string, number>> {
  const content = await readFreedContent(db, {
    repositoryId,
    roots: digests,
    gone: digests,
    isUntagged: () => false,
  })
  const counted = new Set<string>()
  const sizes = new Map<string, number>()
  for (const root of digests) {
    let bytes = 0
    for (const [digest, size] of content.of(findParts(content.graph, root))) {
      if (counted.has(digest)) continue
      counted.add(digest)
      bytes += size
    }
    sizes.set(root, bytes)
  }
  return sizes
}

/** Images that are to go. */
interface RemovedImages {
  readonly repositoryId: number
  readonly roots: readonly string[]
  /** Those that go whatever else names them. */
  readonly gone?: readonly string[]
  /** True if a manifest with this number of tags, at least one, has none left. */
  isUntagged(digest: string, tagCount: number): boolean
}

async function sizeImages(db: Reads, images: RemovedImages): Promise<number> {
  const content = await readFreedContent(db, images)
  return sum(content.of(new Set(content.graph.keys())), () => true)
}

/** Content that the removal of images frees, and that of some of their parts. */
interface FreedContent {
  readonly graph: ImageGraph
  of(parts: ReadonlySet<string>): ReadonlyMap<string, number>
}

async function readFreedContent(db: Reads, images: RemovedImages): Promise<FreedContent> {
  const { repositoryId, roots, gone } = images
  const graph = await readImageGraph(db, repositoryId, roots)
  const tagged = await findTagged(db, graph, images)
  const own = findKept(graph, { parts: new Set(graph.keys()), isTagged: (part) => tagged.has(part), gone })
  const blobs = await readBlobSizes(db, repositoryId, graph)
  const freed = await findFreed(db, repositoryId, { graph, blobs, kept: [own] })
  return {
    graph,
    of(parts) {
      const content = contentOf(graph, blobs, new Set([...parts].filter((part) => own.has(part))))
      return new Map([...content].filter(([one]) => freed.manifests.has(one) || freed.blobs.has(one)))
    },
  }
}

/** Manifests that keep a tag. */
async function findTagged(
  db: Reads,
  graph: ImageGraph,
  { repositoryId, isUntagged }: RemovedImages,
): Promise<Set<string>> {
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
  return tagged
}
