import type { Digest } from '../../../oci/digest.ts'
import type { Manifest } from '../../../oci/manifest.ts'
import type { Writes } from '../repositories.ts'

/** Children of an index that are looked at for labels: an index of more has no label. */
const MAX_CHILDREN = 500

/** Annotation by which an index names what belongs to one of its images, such as BuildKit's provenance, and is no image. */
const REFERENCE_TYPE = 'vnd.docker.reference.type'

/**
 * Records the time after which a manifest expires, from the label of its image. An index expires if all of its images do,
 * after the longest time.
 */
export async function recordExpiry(
  tx: Writes,
  {
    repositoryId,
    digest,
    manifest,
    expiresAfterMs,
  }: { repositoryId: number; digest: Digest; manifest: Manifest; expiresAfterMs?: number | undefined },
): Promise<void> {
  const ms = expiresAfterMs ?? (await findCommonExpiry(tx, repositoryId, manifest))
  if (ms === undefined) return
  await tx
    .updateTable('manifest_uses')
    .set({ expires_after: ms })
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .execute()
}

async function findCommonExpiry(
  tx: Writes,
  repositoryId: number,
  { children }: Manifest,
): Promise<number | undefined> {
  const images = children.filter(({ annotations }) => annotations?.[REFERENCE_TYPE] === undefined)
  const digests = [...new Set(images.map((child) => child.digest))]
  if (digests.length === 0 || digests.length > MAX_CHILDREN) return undefined
  const rows = await tx
    .selectFrom('manifest_uses')
    .select('expires_after')
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', digests)
    .where('expires_after', 'is not', null)
    .execute()
  if (rows.length < digests.length) return undefined
  return Math.max(...rows.map((row) => row.expires_after ?? 0))
}
