import type { CollectedKind } from '../schema.ts'
import { betweenBatches } from './between-batches.ts'
import type { Writes } from './repositories.ts'

/** Rows in one insert: their values stay below 32766, the smallest bound that an engine has. */
const BATCH = 500

/** A row of the queue of what may no longer be needed. */
export interface QueueKey {
  readonly kind: CollectedKind
  /** 0 for blobs. */
  readonly repositoryId: number
  /** Empty for repositories. */
  readonly digest: string
}

/**
 * Queues what an event may have made unneeded. What is queued already counts from this event on, unless `keepsEarlier`. The collector looks
 * again before it removes anything, so that an event too many costs a look and nothing else.
 */
export async function enqueue(
  tx: Writes,
  keys: readonly QueueKey[],
  { since, reason, keepsEarlier = false }: { since: number; reason: string; keepsEarlier?: boolean },
): Promise<void> {
  for (let at = 0; at < keys.length; at += BATCH) {
    if (at > 0) await betweenBatches()
    const rows = keys
      .slice(at, at + BATCH)
      .map(({ kind, repositoryId, digest }) => ({ kind, repository_id: repositoryId, digest, since, reason }))
    await tx
      .insertInto('collection_queue')
      .values(rows)
      .onConflict((conflict) =>
        keepsEarlier
          ? conflict.doNothing()
          : conflict.columns(['kind', 'repository_id', 'digest']).doUpdateSet({ since, reason }),
      )
      .execute()
  }
}
