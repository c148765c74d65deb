import type { Digest } from '../../oci/digest.ts'
import type { Reads } from '../queries/repositories.ts'

/** Digests of a repository, at most 500. */
interface Selection {
  readonly id: number
  readonly digests: readonly Digest[]
}

/** Those of the digests that a repository holds, as blobs or as manifests, the trash apart. */
export async function findHeld(
  db: Reads,
  table: 'repository_blobs' | 'manifests',
  { id, digests }: Selection,
): Promise<Set<Digest>> {
  if (digests.length === 0) return new Set()
  const rows = await db
    .selectFrom(table)
    .select('digest')
    .where('repository_id', '=', id)
    .where('digest', 'in', digests)
    .execute()
  return new Set(rows.map(({ digest }) => digest as Digest))
}

/** Those of the digests, at most 500, whose bytes are being removed. */
export async function findRemoving(db: Reads, digests: readonly Digest[]): Promise<Set<Digest>> {
  if (digests.length === 0) return new Set()
  const rows = await db.selectFrom('blob_removals').select('digest').where('digest', 'in', digests).execute()
  return new Set(rows.map(({ digest }) => digest as Digest))
}

/** Sizes of those of any number of blobs, or manifests, that a repository holds, in bytes. */
export async function findHeldSizes(
  db: Reads,
  table: 'repository_blobs' | 'manifests',
  { id, digests }: Selection,
): Promise<Map<Digest, number>> {
  const sizes = new Map<Digest, number>()
  for (let at = 0; at < digests.length; at += 500) {
    const batch = digests.slice(at, at + 500)
    const rows =
      table === 'manifests'
        ? await db
            .selectFrom('manifests')
            .select(['digest', 'size'])
            .where('repository_id', '=', id)
            .where('digest', 'in', batch)
            .execute()
        : await db
            .selectFrom('repository_blobs')
            .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
            .select(['blobs.digest', 'blobs.size'])
            .where('repository_blobs.repository_id', '=', id)
            .where('repository_blobs.digest', 'in', batch)
            .execute()
    for (const { digest, size } of rows) sizes.set(digest as Digest, size)
  }
  return sizes
}
