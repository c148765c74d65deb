import type { Tag } from '../../../oci/reference.ts'
import type { TagEnd } from '../../schema.ts'
import { betweenBatches } from '../between-batches.ts'
import { enqueue } from '../collection-queue.ts'
import { recordUses } from '../manifest-uses.ts'
import type { Writes } from '../repositories.ts'

/** Tags ended at once, between which other requests are served. */
const BATCH = 500

/** Act on tags of one repository. */
interface TagAct {
  readonly repositoryId: number
  readonly now: number
  /** Name of the account; undefined: unknown. */
  readonly by: string | undefined
}

/** Points a tag at a manifest; a period in which it pointed at another one ends. */
export async function moveTag(
  tx: Writes,
  { repositoryId, now, by }: TagAct,
  { name, digest }: { name: Tag; digest: string },
): Promise<void> {
  const present = await tx
    .selectFrom('tags')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('name', '=', name)
    .executeTakeFirst()
  if (present?.digest === digest) {
    await tx
      .updateTable('tags')
      .set({ updated_at: now })
      .where('repository_id', '=', repositoryId)
      .where('name', '=', name)
      .execute()
    return
  }
  if (present) await endTag(tx, { repositoryId, now, by }, { name, how: 'moved' })
  await tx
    .insertInto('tags')
    .values({
      repository_id: repositoryId,
      name,
      digest,
      updated_at: now,
      started_at: now,
      started_by: by ?? null,
    })
    .execute()
}

/** Ends a tag, whose period goes to the history; false if there is none of this name. */
export async function endTag(
  tx: Writes,
  { repositoryId, now, by }: TagAct,
  { name, how }: { name: string; how: TagEnd },
): Promise<boolean> {
  const ended = await tx
    .deleteFrom('tags')
    .where('repository_id', '=', repositoryId)
    .where('name', '=', name)
    .returningAll()
    .executeTakeFirst()
  if (!ended) return false
  await keepPeriods(tx, { repositoryId, now, by }, { ended: [ended], how })
  await queueUntagged(tx, { repositoryId, now }, ended.digest)
  return true
}

/** Ends all tags of a manifest; of their number many may be. */
export async function endManifestTags(
  tx: Writes,
  { repositoryId, now, by }: TagAct,
  { digest, how }: { digest: string; how: TagEnd },
): Promise<void> {
  for (;;) {
    const ended = await tx
      .deleteFrom('tags')
      .where('repository_id', '=', repositoryId)
      .where('name', 'in', (query) =>
        query
          .selectFrom('tags')
          .select('name')
          .where('repository_id', '=', repositoryId)
          .where('digest', '=', digest)
          .limit(BATCH),
      )
      .returningAll()
      .execute()
    await keepPeriods(tx, { repositoryId, now, by }, { ended, how })
    if (ended.length < BATCH) return
    await betweenBatches()
  }
}

interface EndedTag {
  readonly name: string
  readonly digest: string
  readonly updated_at: number
  readonly started_at: number | null
  readonly started_by: string | null
}

async function keepPeriods(
  tx: Writes,
  { repositoryId, now, by }: TagAct,
  { ended, how }: { ended: readonly EndedTag[]; how: TagEnd },
): Promise<void> {
  if (ended.length === 0) return
  await tx
    .insertInto('tag_history')
    .values(
      ended.map((tag) => ({
        repository_id: repositoryId,
        name: tag.name,
        digest: tag.digest,
        started_at: tag.started_at ?? tag.updated_at,
        started_by: tag.started_by,
        ended_at: now,
        ended_by: by ?? null,
        ended_how: how,
      })),
    )
    .execute()
}

/** A manifest that has just lost a tag counts as used until then. */
async function queueUntagged(
  tx: Writes,
  { repositoryId, now }: { repositoryId: number; now: number },
  digest: string,
): Promise<void> {
  await recordUses(tx, repositoryId, { digests: [digest], at: now })
  await enqueue(tx, [{ kind: 'manifest', repositoryId, digest }], { since: now, reason: 'untagged' })
}
