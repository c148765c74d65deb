import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { Reads } from '../queries/repositories.ts'
import type { Sizes } from '../size-facts.ts'
import { contentOf, findFreed, findParts, isNamedOnlyBy, readBlobSizes, sum } from './graph-content.ts'
import { type ImageGraph, inBatches, readImageGraph } from './image-graph.ts'

interface SizedTag {
  readonly name: Tag
  readonly digest: Digest
}

/**
 * Sizes of tags: all that goes with the manifest of each, and those bytes of it that would be freed if that tag were the
 * only one to go, with the images that it alone keeps.
 */
export async function sizeTags(
  db: Reads,
  repositoryId: number,
  tags: readonly SizedTag[],
): Promise<Map<Tag, Sizes>> {
  const graph = await readImageGraph(
    db,
    repositoryId,
    tags.map(({ digest }) => digest),
  )
  const alone = await findAlone(db, repositoryId, graph)
  const blobs = await readBlobSizes(db, repositoryId, graph)
  const parts = new Map<string, ReadonlySet<string>>()
  for (const { digest } of tags) if (!parts.has(digest)) parts.set(digest, findParts(graph, digest))
  const kept = new Map(
    tags.map(({ name, digest }) => [
      name,
      findKept(graph, {
        parts: parts.get(digest) ?? new Set(),
        isTagged: (part) => alone.has(part) && alone.get(part) !== name,
      }),
    ]),
  )
  const freed = await findFreed(db, repositoryId, { graph, blobs, kept: [...kept.values()] })
  const sizes = new Map<Tag, Sizes>()
  for (const { name, digest } of tags) {
    const all = contentOf(graph, blobs, parts.get(digest))
    const own = kept.get(name) ?? new Set()
    const uniqueBytes = sum(
      contentOf(graph, blobs, own),
      (one) => freed.manifests.has(one) || (freed.blobs.has(one) && isNamedOnlyBy(freed, one, own)),
    )
    sizes.set(name, { bytes: sum(all, () => true), uniqueBytes })
  }
  return sizes
}

/** Manifests to which one tag points, with its name. */
async function findAlone(
  db: Reads,
  repositoryId: number,
  graph: ImageGraph,
): Promise<Map<string, string | undefined>> {
  const alone = new Map<string, string | undefined>()
  await inBatches([...graph.keys()], async (digests) => {
    const rows = await db
      .selectFrom('tags')
      .select('digest')
      .select(({ fn }) => [fn.min('name').as('first'), fn.max('name').as('last')])
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', digests)
      .groupBy('digest')
      .execute()
    for (const { digest, first, last } of rows) alone.set(digest, first === last ? String(first) : undefined)
  })
  return alone
}

/** Manifests that go together. */
interface Parts {
  readonly parts: ReadonlySet<string>
  /** Those that go whatever else names them; by default none. */
  readonly gone?: readonly string[] | undefined
  isTagged(part: string): boolean
}

/** Those of the parts that nothing else keeps, as tags that stay do. Manifests without a tag keep what they name, too. */
export function findKept(graph: ImageGraph, { parts, gone = [], isTagged }: Parts): ReadonlySet<string> {
  const kept = new Set(gone.filter((digest) => graph.has(digest)))
  const isFree = (part: string): boolean => {
    const node = graph.get(part)
    if (!node || node.isKeptOutside || isTagged(part)) return false
    const { subject } = node
    const isSubjectKept = subject !== undefined && graph.has(subject) && !kept.has(subject)
    return !isSubjectKept && [...node.indexes].every((index) => kept.has(index))
  }
  // As the collector goes: an image itself first, and then what it has kept.
  for (let before = -1; before < kept.size; ) {
    before = kept.size
    for (const part of parts) if (isFree(part)) kept.add(part)
  }
  return kept
}
