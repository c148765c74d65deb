import type { CollectionPolicy } from '../collection-facts.ts'
import { dropIfEmpty, type Writes } from '../queries/repositories.ts'

/** Removes ended tags that can no longer be restored, and claims of pushes that ended long ago. */
export async function forgetHistory(
  tx: Writes,
  { policy, limit, now }: { policy: CollectionPolicy; limit: number; now: number },
): Promise<number> {
  const ended = await tx
    .deleteFrom('tag_history')
    .where('id', 'in', (query) =>
      query
        .selectFrom('tag_history')
        .select('id')
        .where('ended_at', '<=', now - policy.keepMs)
        .orderBy('ended_at')
        .limit(limit),
    )
    .returning(['repository_id', 'ended_at'])
    .execute()
  for (const [id, rows] of Map.groupBy(ended, (row) => row.repository_id)) {
    const latest = rows.reduce((most, { ended_at }) => Math.max(most, ended_at), 0)
    await raiseHistorySince(tx, id, latest)
    await dropIfEmpty(tx, id)
  }
  const claims = await tx
    .deleteFrom('blob_claims')
    .where('digest', 'in', (query) =>
      query
        .selectFrom('blob_claims')
        .select('digest')
        .where('claimed_at', '<=', now - policy.relyMs)
        .limit(limit),
    )
    .returning('digest')
    .execute()
  return ended.length + claims.length
}

/** A batch may end with a time that is earlier than one of a clock that was set back since. */
async function raiseHistorySince(tx: Writes, id: number, since: number): Promise<void> {
  await tx
    .updateTable('repositories')
    .set({ history_since: since })
    .where('id', '=', id)
    .where((eb) => eb.or([eb('history_since', 'is', null), eb('history_since', '<', since)]))
    .execute()
}
