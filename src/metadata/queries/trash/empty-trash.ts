import type { Database } from '../../../database/database.ts'
import type { MetadataSchema } from '../../schema.ts'
import type { Writes } from '../repositories.ts'

/** Entries of one transaction, for which pushes wait: the trash may hold hundreds of thousands. */
const BATCH = 500

/** Sets the time of deletion of all that is in the trash so far back that nothing keeps it. Returns the number of entries. */
export async function emptyTrash({
  transaction,
}: Pick<Database<MetadataSchema>, 'transaction'>): Promise<number> {
  let count = 0
  for (const empty of [emptyRepositories, emptyManifests]) {
    for (;;) {
      const some = await transaction((tx) => empty(tx))
      count += some
      if (some < BATCH) break
    }
  }
  return count
}

async function emptyRepositories(tx: Writes): Promise<number> {
  const rows = await tx
    .updateTable('repositories')
    .set({ trashed_at: 0 })
    .where('id', 'in', (query) =>
      query
        .selectFrom('repositories')
        .select('id')
        .where('trashed_name', 'is not', null)
        .where('trashed_at', '>', 0)
        .limit(BATCH),
    )
    .returning('id')
    .execute()
  if (rows.length === 0) return 0
  const ids = rows.map(({ id }) => id)
  await tx
    .updateTable('collection_queue')
    .set({ since: 0 })
    .where('kind', '=', 'repository')
    .where('repository_id', 'in', ids)
    .execute()
  return rows.length
}

async function emptyManifests(tx: Writes): Promise<number> {
  const rows = await tx
    .selectFrom('trashed_manifests')
    .select(['repository_id', 'digest'])
    .where('trashed_at', '>', 0)
    .limit(BATCH)
    .execute()
  for (const [id, some] of Map.groupBy(rows, (row) => row.repository_id)) {
    const digests = some.map(({ digest }) => digest)
    await tx
      .updateTable('trashed_manifests')
      .set({ trashed_at: 0 })
      .where('repository_id', '=', id)
      .where('digest', 'in', digests)
      .execute()
    await tx
      .updateTable('collection_queue')
      .set({ since: 0 })
      .where('kind', '=', 'trashed')
      .where('repository_id', '=', id)
      .where('digest', 'in', digests)
      .execute()
  }
  return rows.length
}
