import type { SelectQueryBuilder } from 'kysely'
import type { Database } from '../../../database/database.ts'
import { recordEvent } from '../../../events/record-event.ts'
import type { Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { BlobFacts, RepositoryFilter } from '../../metadata.ts'
import type { MetadataSchema } from '../../schema.ts'
import { endQuarantine } from '../blob-damages.ts'
import { isBeingRemoved, readMark, UNKNOWN_SIZE } from '../blob-removals.ts'
import { enqueue } from '../collection-queue.ts'
import type { FindQuota } from '../quotas/quota-reader.ts'
import { requireRoom } from '../quotas/require-room.ts'
import { readIncluded } from '../read-included.ts'
import { dropIfEmpty, ensureRepository, findRepositoryId, type Reads, type Writes } from '../repositories.ts'
import { isWithin, withinSpans } from '../repository-filter.ts'

/**
 * Time within which a use of a link is not recorded again, in milliseconds: short beside the time for which a client may
 * rely on it, and long enough that clients which ask for all blobs of an image write little.
 */
const RENEWED_EVERY_MS = 10 * 60_000

/** {@link BlobFacts} in SQL. */
export function createBlobFacts(
  database: Database<MetadataSchema>,
  clock: () => number,
  findQuota: FindQuota,
): BlobFacts {
  return {
    findBlob: createFindBlob(database),
    findHolder: (digest, filter, preferred) => findHolder(database.read, { digest, filter, preferred }),
    isQuarantined: (repository, digest) => isQuarantined(database.read, repository, digest),
    claimBlob: (digest) => claimBlob(database, digest, clock()),
    linkBlob: async ({ repository, digest, size, upload }) => {
      const quota = await findQuota(repository)
      return database.transaction(async (tx) => {
        if (await isBeingRemoved(tx, digest)) return false
        await requireRoom(tx, quota, { repository, digest, size, upload })
        const now = clock()
        const repositoryId = await ensureRepository(tx, repository, now)
        await tx
          .insertInto('blobs')
          .values({ digest, size, created_at: now })
          .onConflict((conflict) =>
            conflict.column('digest').doUpdateSet({ size }).where('blobs.size', '=', UNKNOWN_SIZE),
          )
          .execute()
        await endQuarantine(tx, { digest, size, how: 'pushed', now })
        await insertLink(tx, { repositoryId, digest, now })
        if (upload) await tx.deleteFrom('uploads').where('id', '=', upload).execute()
        return true
      })
    },
    relyOnBlob: (repository, digest) => relyOnBlob(database, { repository, digest, now: clock() }),
    mountBlob: async ({ from, repository, digest }) => {
      const quota = await findQuota(repository)
      return database.transaction(async (tx) => {
        const held = await selectBlob(tx, from, digest).executeTakeFirst()
        if (!held) return false
        await requireRoom(tx, quota, { repository, digest, size: held.size })
        const now = clock()
        const repositoryId = await ensureRepository(tx, repository, now)
        await insertLink(tx, { repositoryId, digest, now })
        await recordEvent(tx, { action: 'blob.mount', repository, digest, size: held.size, from }, now)
        return true
      })
    },
    unlinkBlob: (repository, digest) =>
      database.transaction(async (tx) => {
        const id = await findRepositoryId(tx, repository)
        if (id === undefined || !(await isLinked(tx, id, digest))) return 'unknown'
        if (await isNamed(tx, id, digest)) return 'in-use'
        await tx
          .deleteFrom('repository_blobs')
          .where('repository_id', '=', id)
          .where('digest', '=', digest)
          .execute()
        const now = clock()
        await enqueue(tx, [{ kind: 'blob', repositoryId: 0, digest }], { since: now, reason: 'deleted' })
        await dropIfEmpty(tx, id)
        await recordEvent(tx, { action: 'blob.delete', repository, digest }, now)
        return 'removed'
      }),
  }
}

type FindBlob = (repository: RepositoryName, digest: Digest) => Promise<{ size: number } | undefined>

function createFindBlob({ read, prepareFirst }: Database<MetadataSchema>): FindBlob {
  const query = prepareFirst(selectBlob(read, '' as RepositoryName, '' as Digest).compile())
  return async (repository, digest) => query(repository, digest)
}

function selectBlob(
  db: Reads,
  repository: RepositoryName,
  digest: Digest,
): SelectQueryBuilder<MetadataSchema, 'repositories' | 'repository_blobs' | 'blobs', { size: number }> {
  return db
    .selectFrom('repositories')
    .innerJoin('repository_blobs', 'repository_blobs.repository_id', 'repositories.id')
    .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
    .select('blobs.size')
    .where('repositories.name', '=', repository)
    .where('repository_blobs.digest', '=', digest)
    .where('blobs.quarantined_at', 'is', null)
}

async function isQuarantined(db: Reads, repository: RepositoryName, digest: Digest): Promise<boolean> {
  const row = await db
    .selectFrom('repositories')
    .innerJoin('repository_blobs', 'repository_blobs.repository_id', 'repositories.id')
    .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
    .select('blobs.digest')
    .where('repositories.name', '=', repository)
    .where('repository_blobs.digest', '=', digest)
    .where('blobs.quarantined_at', 'is not', null)
    .executeTakeFirst()
  return row !== undefined
}

async function findHolder(
  db: Reads,
  selection: { digest: Digest; filter: RepositoryFilter; preferred: RepositoryName | undefined },
): Promise<RepositoryName | undefined> {
  const { digest, filter, preferred } = selection
  const selectHolders = () =>
    db
      .selectFrom('repository_blobs')
      .innerJoin('repositories', 'repositories.id', 'repository_blobs.repository_id')
      .select('repositories.name')
      .where('repository_blobs.digest', '=', digest)
      .where('repositories.trashed_at', 'is', null)
  if (preferred !== undefined && isWithin(filter, preferred)) {
    const held = await selectHolders().where('repositories.name', '=', preferred).executeTakeFirst()
    if (held) return preferred
  }
  const [holder] = await readIncluded<{ name: string }>(filter, 1, (limit, after) => {
    let query = selectHolders().where((eb) => withinSpans(eb, filter))
    if (after !== undefined) query = query.where('repositories.name', '>', after.name)
    return query.orderBy('repositories.name').limit(limit).execute()
  })
  return holder?.name as RepositoryName | undefined
}

async function claimBlob(
  { read, transaction }: Database<MetadataSchema>,
  digest: Digest,
  now: number,
): Promise<'claimed' | 'removing'> {
  const known = await read
    .selectFrom('blobs')
    .select('digest')
    .where('digest', '=', digest)
    .executeTakeFirst()
  // Only content that is known can be removed: most pushes bring new content, and need no transaction for it.
  if (!known && !(await isBeingRemoved(read, digest))) return 'claimed'
  return transaction(async (tx) => {
    const mark = await readMark(tx, digest, now)
    if (mark?.heldUntil !== undefined) return 'removing'
    // The process that made it has ended; no other may come to end it, and pushes must not wait for that.
    if (mark) await tx.deleteFrom('blob_removals').where('digest', '=', digest).execute()
    await tx
      .insertInto('blob_claims')
      .values({ digest, claimed_at: now })
      .onConflict((conflict) => conflict.column('digest').doUpdateSet({ claimed_at: now }))
      .execute()
    return 'claimed'
  })
}

async function relyOnBlob(
  { read, transaction }: Database<MetadataSchema>,
  { repository, digest, now }: { repository: RepositoryName; digest: Digest; now: number },
): Promise<{ size: number } | undefined> {
  const link = await selectBlob(read, repository, digest)
    .select(['repository_id', 'repository_blobs.created_at', 'used_at'])
    .executeTakeFirst()
  if (!link) return undefined
  if ((link.used_at ?? link.created_at) > now - RENEWED_EVERY_MS) return { size: link.size }
  const { numUpdatedRows } = await transaction((tx) =>
    tx
      .updateTable('repository_blobs')
      .set({ used_at: now })
      .where('repository_id', '=', link.repository_id)
      .where('digest', '=', digest)
      .executeTakeFirst(),
  )
  // It may have been removed since it was read.
  return numUpdatedRows > 0n ? { size: link.size } : undefined
}

async function insertLink(
  tx: Writes,
  link: { repositoryId: number; digest: Digest; now: number },
): Promise<void> {
  const { repositoryId, digest, now } = link
  await tx
    .insertInto('repository_blobs')
    .values({ repository_id: repositoryId, digest, created_at: now, used_at: now })
    .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doUpdateSet({ used_at: now }))
    .execute()
  await enqueue(tx, [{ kind: 'link', repositoryId, digest }], { since: now, reason: 'unnamed' })
}

/** Also if the blob is in quarantine. */
async function isLinked(db: Reads, repositoryId: number, digest: Digest): Promise<boolean> {
  const row = await db
    .selectFrom('repository_blobs')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row !== undefined
}

async function isNamed(db: Reads, repositoryId: number, digest: Digest): Promise<boolean> {
  const row = await db
    .selectFrom('manifest_references')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .where('kind', '=', 'blob')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
