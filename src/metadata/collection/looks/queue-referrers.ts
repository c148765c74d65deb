import { betweenBatches } from '../../queries/between-batches.ts'
import type { Writes } from '../../queries/repositories.ts'
import type { Look } from './look-terms.ts'
import { queueFreed } from './queue-freed.ts'

/** Referrers queued at once, between which other requests are served. */
const BATCH = 500

/** Queues the referrers of a subject that is gone: they go with it, unless they are in use themselves. */
export async function queueReferrers(
  tx: Writes,
  { repositoryId, subject, now, policy }: Pick<Look, 'repositoryId' | 'now' | 'policy'> & { subject: string },
): Promise<void> {
  let last = ''
  for (;;) {
    const rows = await tx
      .selectFrom('manifests')
      .select('digest')
      .where('repository_id', '=', repositoryId)
      .where('subject', '=', subject)
      .where('digest', '>', last)
      .orderBy('digest')
      .limit(BATCH)
      .execute()
    const keys = rows.map(({ digest }) => ({ kind: 'manifest' as const, repositoryId, digest }))
    await queueFreed(tx, keys, { now, policy, reason: 'subject collected' })
    last = rows.at(-1)?.digest ?? last
    if (rows.length < BATCH) return
    await betweenBatches()
  }
}
