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
    .returning('repository_id')
    .execute()
  for (const id of new Set(ended.map((row) => row.repository_id))) await dropIfEmpty(tx, id)
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
