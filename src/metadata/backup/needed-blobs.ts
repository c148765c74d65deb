import type { Digest } from '../../oci/digest.ts'
import type { NamedBlob } from '../backup-facts.ts'
import { UNKNOWN_SIZE } from '../queries/blob-removals.ts'
import type { Reads } from '../queries/repositories.ts'

/** Tables whose rows need the bytes of their digest. */
const HOLDERS = ['repository_blobs', 'manifests', 'trashed_manifests'] as const

/** The blobs behind `after` that facts need, by digest. Each table is read by its index of digests. */
export async function listNeeded(
  db: Reads,
  { after, limit }: { after: Digest | undefined; limit: number },
): Promise<NamedBlob[]> {
  const found = new Set<string>()
  for (const table of HOLDERS) {
    let query = db.selectFrom(table).select('digest').distinct().orderBy('digest').limit(limit)
    if (after !== undefined) query = query.where('digest', '>', after)
    for (const { digest } of await query.execute()) found.add(digest)
  }
  const digests = [...found].sort().slice(0, limit)
  if (digests.length === 0) return []
  const rows = await db
    .selectFrom('blobs')
    .select(['digest', 'size'])
    .where('digest', 'in', digests)
    .execute()
  const sizes = new Map(rows.map(({ digest, size }) => [digest, size]))
  return digests.map((digest) => {
    const size = sizes.get(digest) ?? UNKNOWN_SIZE
    return { digest: digest as Digest, size: size === UNKNOWN_SIZE ? undefined : size }
  })
}
