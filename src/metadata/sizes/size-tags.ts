import { kysely } from '../../database/kysely.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { Reads } from '../queries/repositories.ts'
import type { Sizes } from '../size-facts.ts'
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
      findKept(graph, alone, { name, digest, parts: parts.get(digest) }),
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

/** Manifests that go with one, itself included. */
function findParts(graph: ImageGraph, root: string): ReadonlySet<string> {
  const parts = new Set<string>(graph.has(root) ? [root] : [])
  for (const digest of parts) {
    const node = graph.get(digest)
    for (const part of [...(node?.children ?? []), ...(node?.referrers ?? [])]) {
      if (graph.has(part)) parts.add(part)
    }
  }
  return parts
}

/** Those parts of a tag's image that nothing but the tag keeps. Manifests without a tag keep what they name, too. */
function findKept(
  graph: ImageGraph,
  alone: ReadonlyMap<string, string | undefined>,
  { name, digest, parts }: SizedTag & { parts: ReadonlySet<string> | undefined },
): ReadonlySet<string> {
  const kept = new Set<string>()
  const isFree = (part: string): boolean => {
    const node = graph.get(part)
    if (!node || node.isKeptOutside) return false
    if (alone.has(part) && alone.get(part) !== name) return false
    const { subject } = node
    const isSubjectKept = subject !== undefined && graph.has(subject) && !kept.has(subject)
    return !isSubjectKept && [...node.indexes].every((index) => kept.has(index))
  }
  // As the collector goes: the image itself first, and then what it has kept.
  if (!isFree(digest)) return kept
  for (let before = -1; before < kept.size; ) {
    before = kept.size
    for (const part of parts ?? []) if (isFree(part)) kept.add(part)
  }
  return kept
}

/**
 * Sizes of the blobs that the manifests name and the repository holds. Each size is looked up by itself: PostgreSQL reads all
 * blobs for a join, as it expects far more rows than there are.
 */
async function readBlobSizes(
  db: Reads,
  repositoryId: number,
  graph: ImageGraph,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  const named = new Set([...graph.values()].flatMap(({ blobs }) => [...blobs]))
  await inBatches([...named], async (digests) => {
    const rows = await db
      .selectFrom('repository_blobs')
      .select('digest')
      .select(({ selectFrom }) =>
        selectFrom('blobs')
          .select('size')
          .whereRef('blobs.digest', '=', 'repository_blobs.digest')
          .as('size'),
      )
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', digests)
      .execute()
    for (const { digest, size } of rows) if (size !== null) sizes.set(digest, size)
  })
  return sizes
}

function contentOf(
  graph: ImageGraph,
  blobs: ReadonlyMap<string, number>,
  parts: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, number> {
  const content = new Map<string, number>()
  for (const digest of parts) {
    const node = graph.get(digest)
    if (!node) continue
    content.set(digest, node.size)
    for (const blob of node.blobs) {
      const size = blobs.get(blob)
      if (size !== undefined) content.set(blob, size)
    }
  }
  return content
}

function sum(content: ReadonlyMap<string, number>, isCounted: (digest: string) => boolean): number {
  let bytes = 0
  for (const [digest, size] of content) if (isCounted(digest)) bytes += size
  return bytes
}

/** Content that nothing outside the graph keeps. */
interface Freed {
  readonly manifests: ReadonlySet<string>
  readonly blobs: ReadonlySet<string>
  /** Manifests of the graph that name a blob. */
  readonly naming: ReadonlyMap<string, ReadonlySet<string>>
}

function isNamedOnlyBy({ naming }: Freed, blob: string, own: ReadonlySet<string>): boolean {
  return [...(naming.get(blob) ?? [])].every((manifest) => own.has(manifest))
}

/** Finds what nothing outside the graph keeps: other manifests, the trash, other repositories. */
async function findFreed(
  db: Reads,
  repositoryId: number,
  {
    graph,
    blobs,
    kept,
  }: { graph: ImageGraph; blobs: ReadonlyMap<string, number>; kept: ReadonlySet<string>[] },
): Promise<Freed> {
  const naming = new Map<string, Set<string>>()
  for (const [digest, node] of graph) {
    for (const blob of node.blobs) naming.set(blob, (naming.get(blob) ?? new Set()).add(digest))
  }
  const own = new Set(kept.flatMap((parts) => [...parts]))
  // Most layers are shared within the page: they need no further look.
  const candidates = new Set<string>()
  for (const parts of kept) {
    for (const part of parts) {
      for (const blob of graph.get(part)?.blobs ?? []) {
        const isOwn = [...(naming.get(blob) ?? [])].every((manifest) => parts.has(manifest))
        if (isOwn && blobs.has(blob) && !own.has(blob)) candidates.add(blob)
      }
    }
  }
  const manifests = new Set(own)
  await inBatches([...own], (digests) => dropHeld(db, { repositoryId, digests, isBlob: false }, manifests))
  const free = new Set(candidates)
  await inBatches([...candidates], async (digests) => {
    await dropNamed(db, { repositoryId, digests, naming }, free)
    await dropHeld(db, { repositoryId, digests, isBlob: true }, free)
  })
  return { manifests, blobs: free, naming }
}

/** Drops blobs that manifests outside the graph name. */
async function dropNamed(
  db: Reads,
  selection: { repositoryId: number; digests: string[]; naming: ReadonlyMap<string, ReadonlySet<string>> },
  free: Set<string>,
): Promise<void> {
  const { repositoryId, digests, naming } = selection
  const rows = await db
    .selectFrom('manifest_references')
    .select('digest')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', digests)
    .where('kind', '=', 'blob')
    .groupBy('digest')
    .execute()
  for (const { digest, count } of rows) {
    if (Number(count) > (naming.get(digest)?.size ?? 0)) free.delete(digest)
  }
}

/**
 * Drops content that other repositories or the trash hold; of a blob, also content that is a manifest as well. Each digest is
 * looked up in the indexes until one row is found: for `exists (…) or exists (…)` PostgreSQL reads whole tables.
 */
async function dropHeld(
  db: Reads,
  { repositoryId, digests, isBlob }: { repositoryId: number; digests: string[]; isBlob: boolean },
  free: Set<string>,
): Promise<void> {
  const { sql } = kysely
  const elsewhere = sql`held.repository_id <> ${repositoryId}`
  const anywhere = sql`1 = 1`
  const heldIn = (table: string, where: unknown) =>
    sql`(select 1 from ${sql.table(table)} as held where held.digest = blobs.digest and ${where} limit 1)`
  const rows = await db
    .selectFrom('blobs')
    .select('blobs.digest')
    .where('blobs.digest', 'in', digests)
    .where(
      sql<boolean>`coalesce(
        ${heldIn('repository_blobs', isBlob ? elsewhere : anywhere)},
        ${heldIn('manifests', isBlob ? anywhere : elsewhere)},
        ${heldIn('trashed_manifests', anywhere)},
        ${heldIn('trashed_references', sql`held.kind = 'blob'`)}
      ) is not null`,
    )
    .execute()
  for (const { digest } of rows) free.delete(digest)
}
