import type { DamageEnd } from '../schema.ts'
import type { Writes } from './repositories.ts'

/**
 * Ends the quarantine of content, if it is in one: its right bytes, of that size, are in their place, durably. False if
 * it is in none.
 */
export async function endQuarantine(
  tx: Writes,
  { digest, size, how, now }: { digest: string; size: number; how: DamageEnd; now: number },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('blobs')
    .set({ quarantined_at: null, size })
    .where('digest', '=', digest)
    .where('quarantined_at', 'is not', null)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return false
  await tx
    .updateTable('blob_damages')
    .set({ ended_at: now, ended_how: how })
    .where('digest', '=', digest)
    .execute()
  return true
}

/** Replaces the bytes of all rows of a manifest, those in the trash included. */
export async function replaceManifestBytes(tx: Writes, digest: string, bytes: Uint8Array): Promise<void> {
  const whole = { bytes, size: bytes.length }
  await tx.updateTable('manifests').set(whole).where('digest', '=', digest).execute()
  await tx.updateTable('trashed_manifests').set(whole).where('digest', '=', digest).execute()
}
