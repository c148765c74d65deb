import { kysely } from '../../database/kysely.ts'
import type { Reads } from '../queries/repositories.ts'
import { type ImageGraph, inBatches } from './image-graph.ts'

/** Manifests that go with one, itself included. */
export function findParts(graph: ImageGraph, root: string): ReadonlySet<string> {
  const parts = new Set<string>(graph.has(root) ? [root] : [])
  for (const digest of parts) {
    const node = graph.get(digest)
    for (const part of [...(node?.children ?? []), ...(node?.referrers ?? [])]) {
      if (graph.has(part)) parts.add(part)
    }
  }
  return parts
}

/**
 * Sizes of the blobs that the manifests name and the repository holds. Each size is looked up by itself: PostgreSQL reads all
 * blobs for a join, as it expects far more rows than there are.
 */
export async function readBlobSizes(
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

/** Sizes of manifests and of the blobs that they name, by digest. */
export function contentOf(
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

/** Bytes of the content that is counted. */
export function sum(content: ReadonlyMap<string, number>, isCounted: (digest: string) => boolean): number {
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

/** True if no other manifest of the graph names a blob. */
export function isNamedOnlyBy({ naming }: Freed, blob: string, own: ReadonlySet<string>): boolean {
  return [...(naming.get(blob) ?? [])].every((manifest) => own.has(manifest))
}

/** Finds what nothing outside the graph keeps: other manifests, the trash, other repositories. */
export async function findFreed(
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
