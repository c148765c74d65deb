import type { Database } from '../../database/database.ts'
import { kysely } from '../../database/kysely.ts'
import type { Digest } from '../../oci/digest.ts'
import { endQuarantine, replaceManifestBytes } from '../queries/blob-damages.ts'
import type { Reads, Writes } from '../queries/repositories.ts'
import type { MetadataSchema } from '../schema.ts'
import type { ScrubFacts, ScrubItem } from '../scrub-facts.ts'
import { listDamages, listHolders } from './list-damages.ts'
import { quarantine } from './quarantine.ts'

/** {@link ScrubFacts} in SQL. `clock` gives milliseconds since 1970. */
export function createScrubFacts(
  { read, transaction, now }: Database<MetadataSchema>,
  clock: () => number = now,
): ScrubFacts {
  return {
    listContent: (page) => listContent(read, page),
    async countContent() {
      const row = await read
        .selectFrom('blobs')
        .select(({ fn }) => [fn.countAll<number>().as('count'), fn.sum<number | null>('size').as('bytes')])
        .executeTakeFirstOrThrow()
      return { count: Number(row.count), bytes: Number(row.bytes ?? 0) }
    },
    listManifestCopies: (digest, { after, limit }) =>
      read
        .selectFrom('manifests')
        .select(['repository_id as repositoryId', 'bytes'])
        .where('digest', '=', digest)
        .where('repository_id', '>', after)
        .orderBy('repository_id')
        .limit(limit)
        .execute(),
    replaceManifestBytes: (digest, bytes) => transaction((tx) => replaceManifestBytes(tx, digest, bytes)),
    quarantine: (finding, readMs) =>
      transaction((tx) => quarantine(tx, finding, { now: clock(), readSince: clock() - Math.ceil(readMs) })),
    endMove: ({ digest, markedAt }, isSetAside) =>
      transaction(async (tx) => {
        await tx
          .deleteFrom('blob_removals')
          .where('digest', '=', digest)
          .where('marked_at', '=', markedAt)
          .execute()
        if (isSetAside) await noteSetAside(tx, digest, clock())
      }),
    release: (digest, end) => transaction((tx) => endQuarantine(tx, { digest, ...end, now: clock() })),
    listDamages: (page) => listDamages(read, page),
    async countDamages() {
      const row = await read
        .selectFrom('blobs')
        .select(({ fn }) => [
          fn.countAll<number>().as('count'),
          fn.min<number | null>('quarantined_at').as('since'),
        ])
        .where('quarantined_at', 'is not', null)
        .executeTakeFirstOrThrow()
      return {
        count: Number(row.count),
        since: row.since === null ? undefined : new Date(Number(row.since)),
      }
    },
    listHolders: (digest, limit) => listHolders(read, digest, limit),
    listEnded: (keepMs, limit) => listEnded(read, clock() - keepMs, limit),
    forgetEnded: (digest) => transaction((tx) => forgetEnded(tx, digest)),
  }
}

async function listContent(
  db: Reads,
  { after, limit, isQuarantined = false }: Parameters<ScrubFacts['listContent']>[0],
): Promise<ScrubItem[]> {
  const { sql } = kysely
  const query = db
    .selectFrom('blobs')
    .select(['digest', 'size', 'quarantined_at'])
    .select(({ exists, selectFrom }) =>
      exists(
        selectFrom('manifests')
          .select(sql.lit(1).as('one'))
          .whereRef('manifests.digest', '=', 'blobs.digest'),
      ).as('is_manifest'),
    )
    .where('digest', '>', after ?? '')
    .orderBy('digest')
    .limit(limit)
  const rows = await (isQuarantined ? query.where('quarantined_at', 'is not', null) : query).execute()
  return rows.map((row) => ({
    digest: row.digest as Digest,
    size: row.size,
    isQuarantined: row.quarantined_at !== null,
    // SQLite has no booleans.
    isManifest: Boolean(row.is_manifest),
  }))
}

async function noteSetAside(tx: Writes, digest: string, now: number): Promise<void> {
  await tx.updateTable('blob_damages').set({ set_aside_at: now }).where('digest', '=', digest).execute()
}

async function listEnded(db: Reads, before: number, limit: number): Promise<Digest[]> {
  const rows = await db
    .selectFrom('blob_damages')
    .leftJoin('blobs', 'blobs.digest', 'blob_damages.digest')
    .select('blob_damages.digest')
    .where('blobs.quarantined_at', 'is', null)
    .where(({ eb, fn }) => eb(fn.coalesce('blob_damages.ended_at', 'blob_damages.found_at'), '<', before))
    .limit(limit)
    .execute()
  return rows.map(({ digest }) => digest as Digest)
}

async function forgetEnded(tx: Writes, digest: Digest): Promise<void> {
  const blob = await tx
    .selectFrom('blobs')
    .select('quarantined_at')
    .where('digest', '=', digest)
    .executeTakeFirst()
  // In quarantine again.
  if (blob && blob.quarantined_at !== null) return
  await tx.deleteFrom('blob_damages').where('digest', '=', digest).execute()
}
