import type { Kept, LookOutcome } from '../../collection-facts.ts'
import { enqueue } from '../../queries/collection-queue.ts'
import { dropIfEmpty, type Reads, type Writes } from '../../queries/repositories.ts'
import { existsIn } from './exists-in.ts'
import type { Look } from './look-terms.ts'

/**
 * A repository's right to a blob is needed while a manifest there names it, one in the trash, too, and for a while after
 * the last time that a client could learn of it.
 */
export async function judgeLink(
  db: Reads,
  { repositoryId, digest, policy, now }: Look,
): Promise<Kept | undefined> {
  const link = await db
    .selectFrom('repository_blobs')
    .select(['created_at', 'used_at'])
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (!link) return { kind: 'kept', why: 'gone' }
  if (await existsIn(db, 'manifest_references', { repositoryId, digest, kind: 'blob' })) {
    return { kind: 'kept', why: 'named by a manifest' }
  }
  if (await existsIn(db, 'trashed_references', { repositoryId, digest, kind: 'blob' })) {
    return { kind: 'kept', why: 'named by a manifest in the trash' }
  }
  const until = (link.used_at ?? link.created_at) + policy.relyMs
  if (until > now) return { kind: 'postponed', until: new Date(until), why: 'a push may rely on it' }
  return undefined
}

/** Removes a repository's right to a blob that is not needed. */
export async function lookAtLink(tx: Writes, look: Look): Promise<LookOutcome> {
  const kept = await judgeLink(tx, look)
  if (kept) return kept
  const { repositoryId, digest, now } = look
  await tx
    .deleteFrom('repository_blobs')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .execute()
  await enqueue(tx, [{ kind: 'blob', repositoryId: 0, digest }], { since: now, reason: 'unlinked' })
  await dropIfEmpty(tx, repositoryId)
  return { kind: 'removed' }
}
