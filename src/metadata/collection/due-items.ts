import type { Database } from '../../database/database.ts'
import type { CollectionPolicy, DueItem, QueueTotals } from '../collection-facts.ts'
import type { Reads } from '../queries/repositories.ts'
import type { CollectedKind, MetadataSchema } from '../schema.ts'

/** In the order in which they set one another free. */
export const KINDS: readonly CollectedKind[] = ['repository', 'trashed', 'manifest', 'link', 'blob']

/** Time for which an entry of a kind waits, in milliseconds. */
export function waitOf(kind: CollectedKind, { keepMs, relyMs }: CollectionPolicy): number {
  if (kind === 'blob') return 0
  return kind === 'link' ? relyMs : keepMs
}

/** Entries that are due, at most `limit`. */
export async function listDue(
  db: Reads,
  policy: CollectionPolicy,
  { now, limit }: { now: number; limit: number },
): Promise<DueItem[]> {
  const due: DueItem[] = []
  for (const kind of KINDS) {
    if (due.length >= limit) break
    const rows = await db
      .selectFrom('collection_queue')
      .leftJoin('repositories', 'repositories.id', 'collection_queue.repository_id')
      .select(['kind', 'repository_id', 'digest', 'since', 'reason', 'name', 'trashed_name'])
      .where('kind', '=', kind)
      .where('since', '<=', now - waitOf(kind, policy))
      .orderBy('since')
      .limit(limit - due.length)
      .execute()
    for (const row of rows) {
      due.push({
        kind: row.kind,
        repositoryId: row.repository_id,
        // A deleted repository has a name that ends in @ and its id.
        repository: row.trashed_name ?? row.name?.split('@', 1)[0],
        digest: row.digest,
        reason: row.reason,
        since: new Date(row.since),
      })
    }
  }
  return due
}

/** The time at which the first entry of each kind is due. */
export async function findFirstDue(
  db: Reads,
  policy: CollectionPolicy,
): Promise<Pick<QueueTotals, 'kind' | 'firstDue'>[]> {
  const found: Pick<QueueTotals, 'kind' | 'firstDue'>[] = []
  for (const kind of KINDS) {
    const row = await db
      .selectFrom('collection_queue')
      .select('since')
      .where('kind', '=', kind)
      .orderBy('since')
      .limit(1)
      .executeTakeFirst()
    if (row) found.push({ kind, firstDue: new Date(row.since + waitOf(kind, policy)) })
  }
  return found
}

/** Number of entries that were due at a time. */
export async function countDue(db: Reads, policy: CollectionPolicy, at: number): Promise<number> {
  let count = 0
  for (const kind of KINDS) {
    const row = await db
      .selectFrom('collection_queue')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('kind', '=', kind)
      .where('since', '<=', at - waitOf(kind, policy))
      .executeTakeFirst()
    count += Number(row?.count ?? 0)
  }
  return count
}

/** Number of entries by kind, and the time at which the first is due. */
export async function countQueue(
  { read }: Pick<Database<MetadataSchema>, 'read'>,
  policy: CollectionPolicy,
): Promise<QueueTotals[]> {
  const rows = await read
    .selectFrom('collection_queue')
    .select(({ fn }) => [
      'kind',
      fn.countAll<number>().as('count'),
      fn.min<number | null>('since').as('oldest'),
    ])
    .groupBy('kind')
    .execute()
  return KINDS.map((kind) => {
    const row = rows.find((one) => one.kind === kind)
    const oldest = row?.oldest ?? undefined
    return {
      kind,
      count: Number(row?.count ?? 0),
      firstDue: oldest === undefined ? undefined : new Date(Number(oldest) + waitOf(kind, policy)),
    }
  })
}
