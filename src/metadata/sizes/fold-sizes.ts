import type { Writes } from '../queries/repositories.ts'

/** Repositories in one query. */
const BATCH = 500

/** Adds the oldest changes of sizes to the sums of their repositories; those of repositories that are gone are dropped. */
export async function foldSizes(tx: Writes, limit: number): Promise<number> {
  const changes = await tx
    .deleteFrom('size_changes')
    .where('id', 'in', (query) => query.selectFrom('size_changes').select('id').orderBy('id').limit(limit))
    .returning(['repository_id', 'bytes', 'unique_bytes'])
    .execute()
  const sums = new Map<number, { bytes: number; unique_bytes: number }>()
  for (const { repository_id, bytes, unique_bytes } of changes) {
    const sum = sums.get(repository_id) ?? { bytes: 0, unique_bytes: 0 }
    sums.set(repository_id, {
      bytes: sum.bytes + bytes,
      unique_bytes: sum.unique_bytes + unique_bytes,
    })
  }
  const ids = [...sums.keys()].sort((one, other) => one - other)
  for (let at = 0; at < ids.length; at += BATCH) {
    await addSums(tx, sums, ids.slice(at, at + BATCH))
  }
  return changes.length
}

async function addSums(
  tx: Writes,
  sums: ReadonlyMap<number, { bytes: number; unique_bytes: number }>,
  ids: readonly number[],
): Promise<void> {
  const present = await tx.selectFrom('repositories').select('id').where('id', 'in', ids).execute()
  const rows = present.map(({ id }) => ({ repository_id: id, bytes: 0, unique_bytes: 0, ...sums.get(id) }))
  if (rows.length === 0) return
  await tx
    .insertInto('repository_sizes')
    .values(rows)
    .onConflict((conflict) =>
      conflict.column('repository_id').doUpdateSet((eb) => ({
        bytes: eb('repository_sizes.bytes', '+', eb.ref('excluded.bytes')),
        unique_bytes: eb('repository_sizes.unique_bytes', '+', eb.ref('excluded.unique_bytes')),
      })),
    )
    .execute()
}
