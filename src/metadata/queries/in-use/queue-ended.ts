import { enqueue, type QueueKey } from '../collection-queue.ts'
import { recordUses } from '../manifest-uses.ts'
import type { Writes } from '../repositories.ts'

/** Digests of one repository in one query: their values stay below the smallest bound that an engine has. */
const BATCH = 500

/** An image that no container of an engine runs any more. */
export interface EndedImage {
  readonly repository: string
  readonly digest: string
}

/**
 * Queues images that have ended. One that is stored counts as used until now; of one in the trash the look knows the time
 * for which it is kept, so it is due at once.
 */
export async function queueEnded(tx: Writes, ended: readonly EndedImage[], now: number): Promise<void> {
  const byName = Map.groupBy(ended, ({ repository }) => repository)
  for (const [name, images] of byName) {
    const digests = images.map(({ digest }) => digest)
    const repositories = await tx
      .selectFrom('repositories')
      .select(['id', 'trashed_at'])
      .where((eb) => eb.or([eb('name', '=', name), eb('trashed_name', '=', name)]))
      .execute()
    for (const { id, trashed_at } of repositories) {
      if (trashed_at !== null) await queueDue(tx, [{ kind: 'repository', repositoryId: id, digest: '' }])
      for (let at = 0; at < digests.length; at += BATCH) {
        await queueManifests(tx, { repositoryId: id, digests: digests.slice(at, at + BATCH), now })
      }
    }
  }
}

async function queueManifests(
  tx: Writes,
  { repositoryId, digests, now }: { repositoryId: number; digests: readonly string[]; now: number },
): Promise<void> {
  const rows = await tx
    .selectFrom('manifests')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', digests)
    .execute()
  const stored = rows.map(({ digest }) => digest)
  await recordUses(tx, repositoryId, { digests: stored, at: now })
  await enqueue(
    tx,
    stored.map((digest) => ({ kind: 'manifest', repositoryId, digest })),
    { since: now, reason: 'no longer runs' },
  )
  const others = digests.filter((digest) => !stored.includes(digest))
  await queueDue(
    tx,
    others.map((digest) => ({ kind: 'trashed', repositoryId, digest })),
  )
}

async function queueDue(tx: Writes, keys: readonly QueueKey[]): Promise<void> {
  await enqueue(tx, keys, { since: 0, reason: 'no longer runs' })
}
