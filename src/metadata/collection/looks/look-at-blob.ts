import type { Digest } from '../../../oci/digest.ts'
import { BACKUP_HOLDS_MS } from '../../backup-facts.ts'
import type { Kept, LookOutcome } from '../../collection-facts.ts'
import { findMarkHold, readMark } from '../../queries/blob-removals.ts'
import type { Reads, Writes } from '../../queries/repositories.ts'
import { existsIn } from './exists-in.ts'
import type { Look } from './look-terms.ts'

/**
 * Bytes are needed while a repository holds them, as a blob or as a manifest, the trash included, and while a push may
 * be about to store them anew.
 */
async function judgeFacts(db: Reads, { digest, policy, now }: Look): Promise<Kept | undefined> {
  const blob = await db.selectFrom('blobs').select('digest').where('digest', '=', digest).executeTakeFirst()
  if (!blob) return { kind: 'kept', why: 'gone' }
  const why = await findHolding(db, digest)
  if (why !== undefined) return { kind: 'kept', why }
  const claim = await db
    .selectFrom('blob_claims')
    .select('claimed_at')
    .where('digest', '=', digest)
    .executeTakeFirst()
  const until = (claim?.claimed_at ?? Number.NEGATIVE_INFINITY) + policy.relyMs
  if (until > now) return { kind: 'postponed', until: new Date(until), why: 'being pushed' }
  const held = await findBackupHold(db, now)
  if (held !== undefined) return { kind: 'postponed', until: new Date(held), why: 'a backup is under way' }
  return undefined
}

/** The same, and whether a process removes them at the moment. */
export async function judgeBlob(db: Reads, look: Look): Promise<Kept | undefined> {
  const kept = await judgeFacts(db, look)
  if (kept) return kept
  const until = await findMarkHold(db, look.digest, look.now)
  return until === undefined ? undefined : { kind: 'postponed', until: new Date(until), why: 'being removed' }
}

/** Marks bytes that are not needed: from then on no fact can name them until they are removed. */
export async function lookAtBlob(tx: Writes, look: Look): Promise<LookOutcome> {
  return (await judgeFacts(tx, look)) ?? mark(tx, look.digest as Digest, look.now)
}

/** The end of the hold of a backup: its facts may name the blob, and its bytes may not be copied yet. */
async function findBackupHold(db: Reads, now: number): Promise<number | undefined> {
  const row = await db
    .selectFrom('backup_runs')
    .select('held_until')
    .where('held_until', '>', now)
    // A clock that was set back would hold for too long.
    .where('held_until', '<=', now + BACKUP_HOLDS_MS)
    .orderBy('held_until', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.held_until
}

async function mark(tx: Writes, digest: Digest, now: number): Promise<LookOutcome> {
  const until = (await readMark(tx, digest, now))?.heldUntil
  if (until !== undefined) return { kind: 'postponed', until: new Date(until), why: 'being removed' }
  await tx
    .insertInto('blob_removals')
    .values({ digest, marked_at: now })
    .onConflict((conflict) => conflict.column('digest').doUpdateSet({ marked_at: now }))
    .execute()
  return { kind: 'marked', digest, markedAt: now }
}

async function findHolding(db: Reads, digest: string): Promise<string | undefined> {
  const link = await db
    .selectFrom('repository_blobs')
    .select('digest')
    .where('digest', '=', digest)
    .limit(1)
    .executeTakeFirst()
  if (link) return 'held by a repository'
  if (await existsIn(db, 'manifests', { digest })) return 'a stored manifest'
  const inTrash = await existsIn(db, 'trashed_manifests', { digest })
  if (inTrash || (await existsIn(db, 'trashed_references', { digest }))) return 'in the trash'
  return undefined
}
