import { betweenBatches } from '../queries/between-batches.ts'
import type { Reads } from '../queries/repositories.ts'

/** Values in one `in (…)`: below every engine's bound. */
const BATCH = 500

/** A manifest of a repository, and what in the repository keeps it. */
interface ImageNode {
  readonly size: number
  readonly subject: string | undefined
  /** Blobs that it names. */
  readonly blobs: Set<string>
  /** Images of an index. */
  readonly children: Set<string>
  readonly referrers: Set<string>
  /** Indexes of the graph that name it. */
  readonly indexes: Set<string>
  /** True if something keeps it that is not in the graph. */
  isKeptOutside: boolean
}

/** Manifests of a repository, by digest. */
export type ImageGraph = ReadonlyMap<string, ImageNode>

/** A graph that is being read. */
interface Reading {
  readonly repositoryId: number
  readonly graph: Map<string, ImageNode>
}

/** Reads manifests of a repository with those that go with them: images of indexes, and referrers. */
export async function readImageGraph(
  db: Reads,
  repositoryId: number,
  roots: readonly string[],
): Promise<ImageGraph> {
  const reading: Reading = { repositoryId, graph: new Map() }
  const { graph } = reading
  let level = [...new Set(roots)]
  while (level.length > 0) {
    const found: string[] = []
    await inBatches(level, async (digests) => {
      const present = await addNodes(db, reading, digests)
      if (present.length > 0) found.push(...(await addParts(db, reading, present)))
    })
    level = [...new Set(found)].filter((digest) => !graph.has(digest))
  }
  for (const [digest, { children }] of graph) {
    for (const child of children) graph.get(child)?.indexes.add(digest)
  }
  await inBatches([...graph.keys()], (digests) => markIndexed(db, reading, digests))
  const subjects = [...graph.values()].flatMap(({ subject }) => (subject === undefined ? [] : [subject]))
  await inBatches([...new Set(subjects)], (batch) => markReferrers(db, reading, batch))
  return graph
}

/** Runs work on a few values at once, between which other requests are served. */
export async function inBatches(
  values: readonly string[],
  work: (batch: string[]) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < values.length; at += BATCH) {
    if (at > 0) await betweenBatches()
    await work(values.slice(at, at + BATCH))
  }
}

/** Adds those of the digests that are manifests of the repository, and returns them. */
async function addNodes(db: Reads, { repositoryId, graph }: Reading, digests: string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('manifests')
    .select(['digest', 'size', 'subject'])
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', digests)
    .execute()
  for (const { digest, size, subject } of rows) {
    graph.set(digest, {
      size,
      subject: subject ?? undefined,
      blobs: new Set(),
      children: new Set(),
      referrers: new Set(),
      indexes: new Set(),
      isKeptOutside: false,
    })
  }
  return rows.map(({ digest }) => digest)
}

/** Adds what manifests name and what refers to them, and returns the digests that may be manifests. */
async function addParts(db: Reads, { repositoryId, graph }: Reading, digests: string[]): Promise<string[]> {
  const named = await db
    .selectFrom('manifest_references')
    .select(['manifest_digest', 'kind', 'digest'])
    .where('repository_id', '=', repositoryId)
    .where('manifest_digest', 'in', digests)
    .execute()
  const referrers = await db
    .selectFrom('manifests')
    .select(['digest', 'subject'])
    .where('repository_id', '=', repositoryId)
    .where('subject', 'in', digests)
    .execute()
  for (const { manifest_digest, kind, digest } of named) {
    const node = graph.get(manifest_digest)
    if (kind === 'blob') node?.blobs.add(digest)
    else node?.children.add(digest)
  }
  for (const { digest, subject } of referrers) graph.get(subject ?? '')?.referrers.add(digest)
  return [...named.filter(({ kind }) => kind === 'child'), ...referrers].map(({ digest }) => digest)
}

/** Marks manifests that an index outside the graph names, or one in the trash. */
async function markIndexed(db: Reads, { repositoryId, graph }: Reading, digests: string[]): Promise<void> {
  const live = await db
    .selectFrom('manifest_references')
    .select('digest')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', digests)
    .where('kind', '=', 'child')
    .groupBy('digest')
    .execute()
  for (const { digest, count } of live) {
    const node = graph.get(digest)
    if (node && Number(count) > node.indexes.size) node.isKeptOutside = true
  }
  const trashed = await db
    .selectFrom('trashed_references')
    .select('digest')
    .distinct()
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', digests)
    .where('kind', '=', 'child')
    .execute()
  for (const { digest } of trashed) markKept(graph, digest)
}

/**
 * Marks referrers of subjects that are stored and not in the graph, or in the trash. A subject that was pushed again is in
 * both, and its copy in the trash keeps its referrers as long as it is there.
 */
async function markReferrers(db: Reads, { repositoryId, graph }: Reading, subjects: string[]): Promise<void> {
  const stored = new Set<string>()
  const outer = subjects.filter((subject) => !graph.has(subject))
  for (const [table, digests] of [
    ['manifests', outer],
    ['trashed_manifests', subjects],
  ] as const) {
    if (digests.length === 0) continue
    const rows = await db
      .selectFrom(table)
      .select('digest')
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', digests)
      .execute()
    for (const { digest } of rows) stored.add(digest)
  }
  for (const node of graph.values()) {
    if (node.subject !== undefined && stored.has(node.subject)) node.isKeptOutside = true
  }
}

function markKept(graph: ImageGraph, digest: string): void {
  const node = graph.get(digest)
  if (node) node.isKeptOutside = true
}
