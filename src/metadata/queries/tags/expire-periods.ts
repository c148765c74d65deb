import { enqueue } from '../collection-queue.ts'
import { recordUses } from '../manifest-uses.ts'
import type { Writes } from '../repositories.ts'
import { type EndedTag, keepPeriods } from './tag-periods.ts'

/**
 * Ends tags of a repository, at most 500, each by its rule: their periods go to the history, and their manifests count as
 * used until now, as after a deletion by a user.
 */
export async function expirePeriods(
  tx: Writes,
  { repositoryId, now }: { repositoryId: number; now: number },
  tags: readonly { readonly name: string; readonly by: string }[],
): Promise<void> {
  if (tags.length === 0) return
  const ended = await tx
    .deleteFrom('tags')
    .where('repository_id', '=', repositoryId)
    .where(
      'name',
      'in',
      tags.map(({ name }) => name),
    )
    .returningAll()
    .execute()
  const rows = new Map<string, EndedTag>(ended.map((row) => [row.name, row]))
  for (const [by, named] of Map.groupBy(tags, (tag) => tag.by)) {
    const some = named.flatMap(({ name }) => rows.get(name) ?? [])
    await keepPeriods(tx, { repositoryId, now, by }, { ended: some, how: 'expired' })
  }
  const digests = [...new Set(ended.map(({ digest }) => digest))]
  await recordUses(tx, repositoryId, { digests, at: now })
  const keys = digests.map((digest) => ({ kind: 'manifest' as const, repositoryId, digest }))
  await enqueue(tx, keys, { since: now, reason: 'expired' })
}
