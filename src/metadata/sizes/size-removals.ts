import type { Reads } from '../queries/repositories.ts'
import { contentOf, findFreed, findParts, readBlobSizes } from './graph-content.ts'
import { type ImageGraph, inBatches, readImageGraph } from './image-graph.ts'

/**
 * Bytes that are freed if manifests of a repository go that nothing needs, with the images of indexes and the referrers
 * that go with them, by digest. Content that several of them hold counts with the first. Memory grows with what the manifests name.
 */
export async function sizeRemovals(
  db: Reads,
  repositoryId: number,
  digests: readonly string[],
): Promise<Map<string, number>> {
  const graph = await readImageGraph(db, repositoryId, digests)
  const tagged = await findTagged(db, repositoryId, graph)
  const gone = findGone(graph, { digests, tagged })
  const blobs = await readBlobSizes(db, repositoryId, graph)
  const freed = await findFreed(db, repositoryId, { graph, blobs, kept: [gone] })
  const counted = new Set<string>()
  const sizes = new Map<string, number>()
  for (const root of digests) {
    const own = new Set([...findParts(graph, root)].filter((part) => gone.has(part)))
    let bytes = 0
    for (const [digest, size] of contentOf(graph, blobs, own)) {
      if (counted.has(digest) || !(freed.manifests.has(digest) || freed.blobs.has(digest))) continue
      counted.add(digest)
      bytes += size
    }
    sizes.set(root, bytes)
  }
  return sizes
}

/** The manifests, and those parts of them that nothing else keeps. */
function findGone(
  graph: ImageGraph,
  { digests, tagged }: { digests: readonly string[]; tagged: ReadonlySet<string> },
): ReadonlySet<string> {
  const gone = new Set(digests.filter((digest) => graph.has(digest)))
  for (let before = -1; before < gone.size; ) {
    before = gone.size
    for (const [digest, { subject, indexes, isKeptOutside }] of graph) {
      const isSubjectKept = subject !== undefined && graph.has(subject) && !gone.has(subject)
      if (isKeptOutside || tagged.has(digest) || isSubjectKept) continue
      if ([...indexes].every((index) => gone.has(index))) gone.add(digest)
    }
  }
  return gone
}

async function findTagged(db: Reads, repositoryId: number, graph: ImageGraph): Promise<Set<string>> {
  const tagged = new Set<string>()
  await inBatches([...graph.keys()], async (digests) => {
    const rows = await db
      .selectFrom('tags')
      .select('digest')
      .distinct()
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', digests)
      .execute()
    for (const { digest } of rows) tagged.add(digest)
  })
  return tagged
}
