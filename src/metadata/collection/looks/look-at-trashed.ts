import type { Kept, LookOutcome } from '../../collection-facts.ts'
import type { QueueKey } from '../../queries/collection-queue.ts'
import { dropIfEmpty, type Reads, type Writes } from '../../queries/repositories.ts'
import { dropReferences } from './drop-references.ts'
import { existsIn } from './exists-in.ts'
import { lookAtUse } from './look-at-use.ts'
import type { Look } from './look-terms.ts'
import { queueFreed } from './queue-freed.ts'
import { queueReferrers } from './queue-referrers.ts'

/** A deleted manifest is kept as long as it can be restored, or an index that names it, and while a container runs it. */
export async function judgeTrashed(db: Reads, look: Look): Promise<Kept | undefined> {
  const { repositoryId, digest, policy, now } = look
  const trashed = await db
    .selectFrom('trashed_manifests')
    .select('trashed_at')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (!trashed) return { kind: 'kept', why: 'gone' }
  const until = trashed.trashed_at + policy.keepMs
  if (until > now) return { kind: 'postponed', until: new Date(until), why: 'can be restored' }
  const running = await lookAtUse(db, look, [digest])
  if (running) return running
  const named = { repositoryId, digest, kind: 'child' } as const
  if (await existsIn(db, 'manifest_references', named)) return { kind: 'kept', why: 'named by an index' }
  if (await existsIn(db, 'trashed_references', named)) {
    return { kind: 'kept', why: 'named by an index in the trash' }
  }
  return undefined
}

/** Removes a deleted manifest that is not needed, and queues what it has kept. */
export async function lookAtTrashed(tx: Writes, look: Look): Promise<LookOutcome> {
  const kept = await judgeTrashed(tx, look)
  if (kept) return kept
  await purgeTrashed(tx, look)
  await dropIfEmpty(tx, look.repositoryId)
  return { kind: 'removed' }
}

/** Removes a manifest from the trash, and queues all that it may have kept. */
export async function purgeTrashed(tx: Writes, { repositoryId, digest, now, policy }: Look): Promise<void> {
  const references = await tx
    .selectFrom('trashed_references')
    .select(['kind', 'digest'])
    .where('repository_id', '=', repositoryId)
    .where('manifest_digest', '=', digest)
    .execute()
  await dropReferences(tx, 'trashed_references', { repositoryId, digest })
  await tx
    .deleteFrom('trashed_manifests')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .execute()
  const freed = references.flatMap((named): QueueKey[] =>
    named.kind === 'child'
      ? [
          { kind: 'manifest', repositoryId, digest: named.digest },
          { kind: 'trashed', repositoryId, digest: named.digest },
        ]
      : // The link may be gone: a client may delete a blob that only the trash names.
        [
          { kind: 'link', repositoryId, digest: named.digest },
          { kind: 'blob', repositoryId: 0, digest: named.digest },
        ],
  )
  const event = { now, policy, reason: 'left the trash' }
  await queueFreed(tx, [...freed, { kind: 'blob', repositoryId: 0, digest }], event)
  await queueReferrers(tx, { repositoryId, subject: digest, now, policy })
}
