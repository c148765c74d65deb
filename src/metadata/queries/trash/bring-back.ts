import type { Digest } from '../../../oci/digest.ts'
import { parseManifest } from '../../../oci/manifest.ts'
import { betweenBatches } from '../between-batches.ts'
import { enqueue } from '../collection-queue.ts'
import { recordUses } from '../manifest-uses.ts'
import { neededContent } from '../named-content.ts'
import type { Writes } from '../repositories.ts'
import { untrashManifest } from './trash-manifest.ts'

/** Links made at once, between which other requests are served. */
const BATCH = 500

/** A manifest of a repository, at the time of an act. */
export interface Brought {
  readonly repositoryId: number
  readonly digest: string
  readonly now: number
}

/**
 * Takes a manifest out of the trash, with the repository's right to the blobs that it names, and with the images of an
 * index that were deleted after it. False if it is not there.
 */
export async function bringBack(tx: Writes, { repositoryId, digest, now }: Brought): Promise<boolean> {
  for (const child of await findTrashedChildren(tx, { repositoryId, digest })) {
    await bringBack(tx, { repositoryId, digest: child, now })
  }
  if (!(await untrashManifest(tx, { repositoryId, digest }))) return false
  const blobs = await readNeededBlobs(tx, { repositoryId, digest })
  for (let at = 0; at < blobs.length; at += BATCH) {
    if (at > 0) await betweenBatches()
    await linkAgain(tx, { repositoryId, digests: blobs.slice(at, at + BATCH), now })
  }
  await recordUses(tx, repositoryId, { digests: [digest], at: now })
  await enqueue(tx, [{ kind: 'manifest', repositoryId, digest }], { since: now, reason: 'restored' })
  return true
}

async function findTrashedChildren(
  tx: Writes,
  { repositoryId, digest }: Omit<Brought, 'now'>,
): Promise<string[]> {
  const rows = await tx
    .selectFrom('trashed_references')
    .innerJoin('trashed_manifests', (join) =>
      join
        .onRef('trashed_manifests.repository_id', '=', 'trashed_references.repository_id')
        .onRef('trashed_manifests.digest', '=', 'trashed_references.digest'),
    )
    .select('trashed_references.digest')
    .where('trashed_references.repository_id', '=', repositoryId)
    .where('trashed_references.manifest_digest', '=', digest)
    .where('trashed_references.kind', '=', 'child')
    .execute()
  return rows.map((row) => row.digest)
}

/** Not the layers that a client need not push: of those the repository may never have had a right to. */
async function readNeededBlobs(
  tx: Writes,
  { repositoryId, digest }: Omit<Brought, 'now'>,
): Promise<Digest[]> {
  const row = await tx
    .selectFrom('manifests')
    .select(['bytes', 'media_type'])
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirstOrThrow()
  const { blobs, either } = neededContent(parseManifest(row.bytes, row.media_type))
  return [...blobs, ...either]
}

/** Content that may be a blob or a manifest has been linked only as a blob. */
async function linkAgain(
  tx: Writes,
  { repositoryId, digests, now }: { repositoryId: number; digests: readonly Digest[]; now: number },
): Promise<void> {
  const manifests = tx
    .selectFrom('manifests')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', digests)
  const rows = await tx
    .selectFrom('blobs')
    .select('digest')
    .where('digest', 'in', digests)
    .where('digest', 'not in', manifests)
    .execute()
  if (rows.length === 0) return
  await tx
    .insertInto('repository_blobs')
    .values(
      rows.map(({ digest }) => ({ repository_id: repositoryId, digest, created_at: now, used_at: now })),
    )
    .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doNothing())
    .execute()
}
