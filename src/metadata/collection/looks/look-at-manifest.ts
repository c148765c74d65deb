import type { Kept, LookOutcome } from '../../collection-facts.ts'
import type { QueueKey } from '../../queries/collection-queue.ts'
import { findUse } from '../../queries/manifest-uses.ts'
import { dropIfEmpty, type Reads, type Writes } from '../../queries/repositories.ts'
import { dropReferences } from './drop-references.ts'
import { existsIn } from './exists-in.ts'
import { lookAtUse } from './look-at-use.ts'
import type { Look } from './look-terms.ts'
import { queueFreed } from './queue-freed.ts'
import { queueReferrers } from './queue-referrers.ts'

/**
 * A manifest is needed while a tag or an index names it, while it refers to a subject that is stored, while it is pinned
 * or a container runs it, and for a while after its last use.
 */
export async function judgeManifest(db: Reads, look: Look): Promise<Kept | undefined> {
  const { repositoryId, digest, now } = look
  const manifest = await db
    .selectFrom('manifests')
    .select(['created_at', 'subject'])
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (!manifest) return { kind: 'kept', why: 'gone' }
  const why = await findNeed(db, look, manifest.subject)
  if (why !== undefined) return { kind: 'kept', why }
  const inUse = await lookAtUse(db, look, [digest])
  if (inUse) return inUse
  const { used, untagged } = await findLastTimes(db, look, manifest.created_at)
  const { keepMs, relyMs } = look.policy
  // A client may be about to push an index that names it, whatever the time for which content is kept.
  const until = Math.max(used + Math.max(keepMs, relyMs), untagged + keepMs)
  if (until > now) return { kind: 'postponed', until: new Date(until), why: 'used lately' }
  return undefined
}

/** Removes a manifest that is not needed, and queues what it has kept. */
export async function lookAtManifest(tx: Writes, look: Look): Promise<LookOutcome> {
  const kept = await judgeManifest(tx, look)
  if (kept) return kept
  await removeManifest(tx, look)
  return { kind: 'removed' }
}

async function findNeed(
  db: Reads,
  { repositoryId, digest }: Look,
  subject: string | null,
): Promise<string | undefined> {
  const here = { repositoryId, digest }
  if (await existsIn(db, 'tags', here)) return 'tagged'
  if (await existsIn(db, 'manifest_references', { ...here, kind: 'child' })) return 'named by an index'
  if (await existsIn(db, 'trashed_references', { ...here, kind: 'child' })) {
    return 'named by an index in the trash'
  }
  if (subject === null) return undefined
  const there = { repositoryId, digest: subject }
  const isStored =
    (await existsIn(db, 'manifests', there)) || (await existsIn(db, 'trashed_manifests', there))
  return isStored ? 'refers to a stored subject' : undefined
}

/** Times of the last push, pull or tagging, and of the end of its last tag, which can be restored. */
async function findLastTimes(
  db: Reads,
  { repositoryId, digest }: Look,
  createdAt: number,
): Promise<{ used: number; untagged: number }> {
  const ended = await db
    .selectFrom('tag_history')
    .select(({ fn }) => fn.max<number | null>('ended_at').as('at'))
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  const used = Math.max(createdAt, (await findUse(db, repositoryId, digest)) ?? 0)
  return { used, untagged: Number(ended?.at ?? 0) }
}

async function removeManifest(tx: Writes, { repositoryId, digest, now, policy }: Look): Promise<void> {
  const references = await tx
    .selectFrom('manifest_references')
    .select(['kind', 'digest'])
    .where('repository_id', '=', repositoryId)
    .where('manifest_digest', '=', digest)
    .execute()
  const freed = references.flatMap(({ kind, digest: named }): QueueKey[] =>
    kind === 'child'
      ? [
          { kind: 'manifest', repositoryId, digest: named },
          { kind: 'trashed', repositoryId, digest: named },
        ]
      : [{ kind: 'link', repositoryId, digest: named }],
  )
  await dropReferences(tx, 'manifest_references', { repositoryId, digest })
  // Recorded uses go with the manifest, by their foreign key.
  await tx
    .deleteFrom('manifests')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .execute()
  const event = { now, policy, reason: 'manifest collected' }
  await queueFreed(tx, [...freed, { kind: 'blob', repositoryId: 0, digest }], event)
  await queueReferrers(tx, { repositoryId, subject: digest, now, policy })
  await dropIfEmpty(tx, repositoryId)
}
