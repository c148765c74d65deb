import type { BlobMark } from '../collection-facts.ts'
import { readMark } from '../queries/blob-removals.ts'
import type { Writes } from '../queries/repositories.ts'
import type { DamageFinding, QuarantineOutcome } from '../scrub-facts.ts'

/**
 * Longest time that a push takes from its claim to the end of storing the bytes, in milliseconds: mostly one rename, or
 * another reading of all bytes for a digest of another algorithm.
 */
const STORED_WITHIN_MS = 3_600_000

/** Puts content in quarantine, unless a push may have stored it anew since `readSince`. */
export async function quarantine(
  tx: Writes,
  finding: DamageFinding,
  { now, readSince }: { now: number; readSince: number },
): Promise<QuarantineOutcome> {
  const { digest } = finding
  const blob = await tx
    .selectFrom('blobs')
    .select('quarantined_at')
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (!blob) return { kind: 'gone' }
  if ((await readMark(tx, digest, now))?.heldUntil !== undefined) return { kind: 'busy' }
  if (await isClaimedSince(tx, digest, readSince - STORED_WITHIN_MS)) return { kind: 'busy' }
  const isNew = blob.quarantined_at === null
  if (isNew) await tx.updateTable('blobs').set({ quarantined_at: now }).where('digest', '=', digest).execute()
  await recordDamage(tx, finding, { now, isNew })
  return { kind: 'quarantined', isNew, mark: await markIfMoved(tx, finding, now) }
}

async function isClaimedSince(tx: Writes, digest: string, since: number): Promise<boolean> {
  const claim = await tx
    .selectFrom('blob_claims')
    .select('claimed_at')
    .where('digest', '=', digest)
    .where('claimed_at', '>=', since)
    .executeTakeFirst()
  return claim !== undefined
}

async function recordDamage(
  tx: Writes,
  { digest, kind, reason, foundSize }: DamageFinding,
  { now, isNew }: { now: number; isNew: boolean },
): Promise<void> {
  const found = { kind, reason: reason ?? null, found_size: foundSize ?? null }
  const fresh = { ...found, found_at: now, set_aside_at: null, ended_at: null, ended_how: null }
  const update = isNew ? fresh : found
  // Nothing is in its place once the bytes were set aside: the first finding stays.
  await tx
    .insertInto('blob_damages')
    .values({ digest, ...fresh })
    .onConflict((conflict) => {
      const updated = conflict.column('digest').doUpdateSet(update)
      return isNew ? updated : updated.where('blob_damages.set_aside_at', 'is', null)
    })
    .execute()
}

/** Bytes that are there stay until a pass can read them whole, or others replace them; what is wrong is moved away. */
async function markIfMoved(
  tx: Writes,
  { digest, kind }: DamageFinding,
  now: number,
): Promise<BlobMark | undefined> {
  if (kind !== 'changed' && kind !== 'no-file') return undefined
  await tx
    .insertInto('blob_removals')
    .values({ digest, marked_at: now })
    .onConflict((conflict) => conflict.column('digest').doUpdateSet({ marked_at: now }))
    .execute()
  return { digest, markedAt: now }
}
