import type { Kept, LookOutcome } from '../../collection-facts.ts'
import { enqueue } from '../../queries/collection-queue.ts'
import type { Reads, Writes } from '../../queries/repositories.ts'
import { KINDS } from '../due-items.ts'
import { dropReferences } from './drop-references.ts'
import { existsIn } from './exists-in.ts'
import { purgeTrashed } from './look-at-trashed.ts'
import { lookAtUse } from './look-at-use.ts'
import type { Look } from './look-terms.ts'

/** Links removed in one transaction, which others wait for. */
const LINKS = 500
/** References removed in one transaction, or a few more: a manifest may have tens of thousands. */
const REFERENCES = 2_000
/** Images of one name that run, at most: more than one name has in any cluster. */
const RUNNING = 1_000
/** Manifests removed in one transaction, whose references are gone. */
const MANIFESTS = 50

/** A deleted repository is kept as long as it can be restored, and while a container runs one of its images. */
export async function judgeRepository(db: Reads, look: Look): Promise<Kept | undefined> {
  const { repositoryId, policy, now } = look
  const repository = await db
    .selectFrom('repositories')
    .select(['trashed_at', 'trashed_name'])
    .where('id', '=', repositoryId)
    .executeTakeFirst()
  if (!repository) return { kind: 'kept', why: 'gone' }
  if (repository.trashed_at === null) return { kind: 'kept', why: 'restored' }
  const until = repository.trashed_at + policy.keepMs
  if (until > now) return { kind: 'postponed', until: new Date(until), why: 'can be restored' }
  return repository.trashed_name === null ? undefined : lookAtRunning(db, look, repository.trashed_name)
}

/**
 * Removes a repository that is not needed part by part. With the first one it loses the name under which it could be
 * restored: what is left of it is not whole.
 */
export async function lookAtRepository(tx: Writes, look: Look): Promise<LookOutcome> {
  const kept = await judgeRepository(tx, look)
  if (kept) return kept
  const { repositoryId } = look
  await tx
    .updateTable('repositories')
    .set({ trashed_name: null })
    .where('id', '=', repositoryId)
    .where('trashed_name', 'is not', null)
    .execute()
  const isPartRemoved =
    (await removeLinks(tx, look)) ||
    (await removeReferences(tx, look)) ||
    (await removeManifests(tx, look)) ||
    (await emptyTrash(tx, look))
  if (isPartRemoved) return { kind: 'continued' }
  for (const kind of KINDS) {
    await tx
      .deleteFrom('collection_queue')
      .where('kind', '=', kind)
      .where('repository_id', '=', repositoryId)
      .execute()
  }
  await tx.deleteFrom('repositories').where('id', '=', repositoryId).execute()
  return { kind: 'removed' }
}

/** The digests that run under its name, of which few are its own. */
async function lookAtRunning(db: Reads, look: Look, name: string): Promise<Kept | undefined> {
  const running = await db
    .selectFrom('running_images')
    .select('digest')
    .distinct()
    .where('repository', '=', name)
    .orderBy('digest')
    .limit(RUNNING)
    .execute()
  const own: string[] = []
  for (const { digest } of running) {
    const here = { repositoryId: look.repositoryId, digest }
    if ((await existsIn(db, 'manifests', here)) || (await existsIn(db, 'trashed_manifests', here))) {
      own.push(digest)
    }
  }
  return lookAtUse(db, look, own)
}

async function removeLinks(tx: Writes, { repositoryId, now }: Look): Promise<boolean> {
  const links = await tx
    .deleteFrom('repository_blobs')
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', (query) =>
      query
        .selectFrom('repository_blobs')
        .select('digest')
        .where('repository_id', '=', repositoryId)
        .limit(LINKS),
    )
    .returning('digest')
    .execute()
  await queueBlobs(tx, links, now)
  return links.length > 0
}

async function removeReferences(tx: Writes, { repositoryId }: Look): Promise<boolean> {
  let count = 0
  while (count < REFERENCES) {
    const row = await tx
      .selectFrom('manifest_references')
      .select('manifest_digest')
      .where('repository_id', '=', repositoryId)
      .limit(1)
      .executeTakeFirst()
    if (!row) break
    const limit = REFERENCES - count
    count += await dropReferences(tx, 'manifest_references', {
      repositoryId,
      digest: row.manifest_digest,
      limit,
    })
  }
  return count > 0
}

async function removeManifests(tx: Writes, { repositoryId, now }: Look): Promise<boolean> {
  const manifests = await tx
    .deleteFrom('manifests')
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', (query) =>
      query
        .selectFrom('manifests')
        .select('digest')
        .where('repository_id', '=', repositoryId)
        .limit(MANIFESTS),
    )
    .returning('digest')
    .execute()
  await queueBlobs(tx, manifests, now)
  return manifests.length > 0
}

async function emptyTrash(tx: Writes, look: Look): Promise<boolean> {
  const trashed = await tx
    .selectFrom('trashed_manifests')
    .select('digest')
    .where('repository_id', '=', look.repositoryId)
    .limit(1)
    .execute()
  for (const { digest } of trashed) await purgeTrashed(tx, { ...look, digest })
  return trashed.length > 0
}

async function queueBlobs(tx: Writes, rows: readonly { digest: string }[], now: number): Promise<void> {
  const keys = rows.map(({ digest }) => ({ kind: 'blob' as const, repositoryId: 0, digest }))
  await enqueue(tx, keys, { since: now, reason: 'repository collected' })
}
