import { betweenBatches } from '../../queries/between-batches.ts'
import type { Writes } from '../../queries/repositories.ts'

/** References removed at once, between which other requests are served. */
const BATCH = 500

/** Removes the references of a manifest, all of them or some more than `limit`. Returns their number. */
export async function dropReferences(
  tx: Writes,
  table: 'manifest_references' | 'trashed_references',
  { repositoryId, digest, limit }: { repositoryId: number; digest: string; limit?: number },
): Promise<number> {
  let count = 0
  for (;;) {
    const { numDeletedRows } = await tx
      .deleteFrom(table)
      .where('repository_id', '=', repositoryId)
      .where('manifest_digest', '=', digest)
      .where('digest', 'in', (query) =>
        query
          .selectFrom(table)
          .select('digest')
          .where('repository_id', '=', repositoryId)
          .where('manifest_digest', '=', digest)
          .limit(BATCH),
      )
      .executeTakeFirst()
    count += Number(numDeletedRows)
    if (Number(numDeletedRows) < BATCH || (limit !== undefined && count >= limit)) return count
    await betweenBatches()
  }
}
