import type { Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { TagRights } from '../../metadata.ts'
import type { TagEnd } from '../../schema.ts'
import { betweenBatches } from '../between-batches.ts'
import { enqueue } from '../collection-queue.ts'
import { refusePinned } from '../in-use/refuse-pinned.ts'
import { recordUses } from '../manifest-uses.ts'
import { type PolicyReader, selectPolicyStamp } from '../policies/policy-reader.ts'
import type { Writes } from '../repositories.ts'
import { refuseImmutableTag } from './refuse-immutable.ts'
import { refuseUnentitled } from './refuse-unentitled.ts'

/** Tags ended at once, between which other requests are served. */
const BATCH = 500

/** Act on tags of one repository. */
interface TagAct {
  readonly repository: RepositoryName
  readonly repositoryId: number
  readonly policies: PolicyReader
  readonly now: number
  /** Name of the account; undefined: unknown. */
  readonly by: string | undefined
  /** Undefined: all. */
  readonly rights?: TagRights | undefined
}

/**
 * Points a tag at a manifest; a period in which it pointed at another one ends. Errors: `DENIED` if a policy makes the
 * tag immutable and it points at another one, or if the rights do not include this change. @returns the digest that
 * it pointed at before.
 */
export async function moveTag(
  tx: Writes,
  act: TagAct,
  { name, digest }: { name: Tag; digest: string },
): Promise<string | undefined> {
  const { repository, repositoryId, policies, now, by } = act
  const present = await findTag(tx, { repositoryId, name })
  if (present.digest === digest) {
    await tx
      .updateTable('tags')
      .set({ updated_at: now })
      .where('repository_id', '=', repositoryId)
      .where('name', '=', name)
      .execute()
    return digest
  }
  refuseUnentitled(act, { tag: name, isPresent: present.digest !== null })
  if (present.digest !== null) {
    refuseImmutableTag(await policies.readStamped(tx, present), { repository, tag: name, change: 'moved' })
    await takeTag(tx, act, { name, how: 'moved' })
  }
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
  return present.digest ?? undefined
}

/**
 * Ends a tag, whose period goes to the history, and returns its digest; undefined if there is none of this name. Errors: `DENIED` if a policy makes
 * it immutable, or its manifest is pinned.
 */
export async function endTag(
  tx: Writes,
  act: TagAct,
  { name, how }: { name: string; how: TagEnd },
): Promise<string | undefined> {
  const { repository, repositoryId, policies } = act
  const present = await findTag(tx, { repositoryId, name })
  if (present.digest === null) return undefined
  refuseImmutableTag(await policies.readStamped(tx, present), { repository, tag: name, change: 'removed' })
  await refusePinned(tx, { repository, repositoryId, digest: present.digest, tag: name })
  await takeTag(tx, act, { name, how })
  return present.digest
}

/** The manifest of a tag, null if there is no such tag, and the stamp of the policies: one query for both. */
function findTag(tx: Writes, { repositoryId, name }: { repositoryId: number; name: string }) {
  return tx
    .selectNoFrom((eb) => [
      eb
        .selectFrom('tags')
        .select('tags.digest')
        .where('tags.repository_id', '=', repositoryId)
        .where('tags.name', '=', name)
        .as('digest'),
      ...selectPolicyStamp(eb),
    ])
    .executeTakeFirstOrThrow()
}

async function takeTag(
  tx: Writes,
  { repositoryId, now, by }: TagAct,
  { name, how }: { name: string; how: TagEnd },
): Promise<void> {
  const ended = await tx
    .deleteFrom('tags')
    .where('repository_id', '=', repositoryId)
    .where('name', '=', name)
    .returningAll()
    .executeTakeFirst()
  if (!ended) return
  await keepPeriods(tx, { repositoryId, now, by }, { ended: [ended], how })
  await queueUntagged(tx, { repositoryId, now }, ended.digest)
}

/** Ends all tags of a manifest, of which there may be many. That none of them is immutable was checked before. */
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

/** A row of a tag that has just ended. */
export interface EndedTag {
  readonly name: string
  readonly digest: string
  readonly updated_at: number
  readonly started_at: number | null
  readonly started_by: string | null
}

/** Keeps the periods of tags that have just ended in the history. */
export async function keepPeriods(
  tx: Writes,
  { repositoryId, now, by }: Pick<TagAct, 'repositoryId' | 'now' | 'by'>,
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
