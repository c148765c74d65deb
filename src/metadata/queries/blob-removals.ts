import type { Digest } from '../../oci/digest.ts'
import type { Reads, Writes } from './repositories.ts'

/**
 * Time for which a mark belongs to the process that made it, in milliseconds. After it the process has ended, and another
 * one removes the bytes, or stores them anew; it is far longer than a process that lives may take, `REMOVED_WITHIN_MS`.
 */
const MARK_HOLDS_MS = 5 * 60_000

/**
 * The mark of a digest: until when its process may remove the bytes, or that the process has ended. A mark far in the future is
 * of a clock that was set back since: its time begins now.
 */
export async function readMark(
  tx: Writes,
  digest: string,
  now: number,
): Promise<{ readonly heldUntil: number | undefined } | undefined> {
  const mark = await tx
    .selectFrom('blob_removals')
    .select('marked_at')
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (!mark) return undefined
  if (mark.marked_at > now + MARK_HOLDS_MS) {
    await tx.updateTable('blob_removals').set({ marked_at: now }).where('digest', '=', digest).execute()
    return { heldUntil: now + MARK_HOLDS_MS }
  }
  const until = mark.marked_at + MARK_HOLDS_MS
  return { heldUntil: until > now ? until : undefined }
}

/** The time until which a process may remove the bytes; undefined: none does. Changes nothing. */
export async function findMarkHold(db: Reads, digest: string, now: number): Promise<number | undefined> {
  const mark = await db
    .selectFrom('blob_removals')
    .select('marked_at')
    .where('digest', '=', digest)
    .executeTakeFirst()
  const until = Math.min(mark?.marked_at ?? 0, now) + MARK_HOLDS_MS
  return until > now ? until : undefined
}

/** True while the bytes of this digest are being removed: no fact may name them, and none may be stored in their place. */
export async function isBeingRemoved(db: Reads, digest: Digest): Promise<boolean> {
  const row = await db
    .selectFrom('blob_removals')
    .select('digest')
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row !== undefined
}

/** Size of a blob in the store that no fact has named yet, as a crash leaves it: the push of it says the right one. */
export const UNKNOWN_SIZE = -1
