import type { Database } from '../../database/database.ts'
import type { Digest } from '../../oci/digest.ts'
import { UNKNOWN_SIZE } from '../queries/blob-removals.ts'
import { enqueue } from '../queries/collection-queue.ts'
import type { MetadataSchema } from '../schema.ts'

/** Queues blobs of the store that have no row, as a crash leaves them. They get one, by which pushes of them are noticed. */
export async function queueUnknown(
  { read, transaction }: Database<MetadataSchema>,
  { digests, graceMs, now }: { digests: readonly Digest[]; graceMs: number; now: number },
): Promise<number> {
  if (digests.length === 0) return 0
  const rows = await read.selectFrom('blobs').select('digest').where('digest', 'in', digests).execute()
  const known = new Set<string>(rows.map(({ digest }) => digest))
  const unknown = digests.filter((digest) => !known.has(digest))
  if (unknown.length === 0) return 0
  return transaction(async (tx) => {
    const added = await tx
      .insertInto('blobs')
      .values(unknown.map((digest) => ({ digest, size: UNKNOWN_SIZE, created_at: now })))
      // A push may have stored it meanwhile: then it is needed.
      .onConflict((conflict) => conflict.doNothing())
      .returning('digest')
      .execute()
    const keys = added.map(({ digest }) => ({ kind: 'blob' as const, repositoryId: 0, digest }))
    await enqueue(tx, keys, { since: now + graceMs, reason: 'without a row' })
    return added.length
  })
}
