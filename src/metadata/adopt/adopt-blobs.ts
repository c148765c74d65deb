import type { RepositoryName } from '../../oci/repository-name.ts'
import type { AdoptedBlob, BlobOutcome } from '../adopt-facts.ts'
import { UNKNOWN_SIZE } from '../queries/blob-removals.ts'
import { ensureRepository, type Writes } from '../queries/repositories.ts'
import { findHeld, findRemoving } from './find-held.ts'

/** Gives a repository blobs, at most 500. */
export async function adoptBlobs(
  tx: Writes,
  { repository, blobs, now }: { repository: RepositoryName; blobs: readonly AdoptedBlob[]; now: number },
): Promise<BlobOutcome[]> {
  if (blobs.length === 0) return []
  const id = await ensureRepository(tx, repository, now)
  const digests = blobs.map(({ digest }) => digest)
  const known = await findHeld(tx, 'repository_blobs', { id, digests })
  const removing = await findRemoving(tx, digests)
  const outcomes = blobs.map(({ digest }): BlobOutcome => {
    if (known.has(digest)) return 'known'
    return removing.has(digest) ? 'being-removed' : 'adopted'
  })
  const added = blobs.filter((_, at) => outcomes[at] === 'adopted')
  await insertBlobRows(tx, added, now)
  if (added.length > 0) {
    await tx
      .insertInto('repository_blobs')
      .values(
        added.map(({ digest, at }) => ({
          repository_id: id,
          digest,
          created_at: Math.min(at, now),
          used_at: now,
        })),
      )
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
  return outcomes
}

/** Records stored content; what is known stays as it is. */
export async function insertBlobRows(
  tx: Writes,
  blobs: readonly Pick<AdoptedBlob, 'digest' | 'size' | 'at'>[],
  now: number,
): Promise<void> {
  if (blobs.length === 0) return
  await tx
    .insertInto('blobs')
    .values(blobs.map(({ digest, size, at }) => ({ digest, size, created_at: Math.min(at, now) })))
    .onConflict((conflict) =>
      conflict
        .column('digest')
        .doUpdateSet((eb) => ({ size: eb.ref('excluded.size') }))
        .where('blobs.size', '=', UNKNOWN_SIZE),
    )
    .execute()
}
