import type { Database } from '../../../database/database.ts'
import { recordEvent } from '../../../events/record-event.ts'
import type { Digest } from '../../../oci/digest.ts'
import type { Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { RestoreFacts } from '../../restore-facts.ts'
import type { MetadataSchema } from '../../schema.ts'
import type { PolicyReader } from '../policies/policy-reader.ts'
import { findRepositoryId, type Writes } from '../repositories.ts'
import { listTagPeriods } from '../tags/list-tag-periods.ts'
import { listTagsAt } from '../tags/list-tags-at.ts'
import { moveTag } from '../tags/tag-periods.ts'
import { type Brought, bringBack } from './bring-back.ts'
import { emptyTrash } from './empty-trash.ts'
import { listTrash } from './list-trash.ts'
import { untrashRepository } from './trash-repository.ts'

/** Tags that come back with a manifest, at most: more were ended with it by no client. */
const MAX_TAGS = 10_000

/** {@link RestoreFacts} in SQL. */
export function createRestoreFacts(
  { read, transaction }: Database<MetadataSchema>,
  clock: () => number,
  policies: PolicyReader,
): RestoreFacts {
  return {
    listTagPeriods: (repository, selection) => listTagPeriods(read, repository, selection),
    listTagsAt: (repository, selection) => listTagsAt(read, repository, selection),
    restoreTag: (target, by) =>
      transaction((tx) => restoreTag(tx, { ...target, by, policies, now: clock() })),
    listTrash: (limit) => listTrash(read, limit, clock()),
    restoreManifest: (repository, digest, by) =>
      transaction(async (tx) => {
        const repositoryId = await findRepositoryId(tx, repository)
        if (repositoryId === undefined) return false
        return restoreManifest(tx, { repository, repositoryId, digest, by, policies, now: clock() })
      }),
    restoreRepository: (name, { newName = name, by } = {}) =>
      transaction(async (tx) => {
        const trashed = await tx
          .selectFrom('repositories')
          .select('id')
          .where('trashed_name', '=', name)
          .orderBy('trashed_at', 'desc')
          .orderBy('id', 'desc')
          .limit(1)
          .executeTakeFirst()
        if (!trashed) return 'unknown'
        const now = clock()
        const isFree = await untrashRepository(tx, { id: trashed.id, name: newName, by, now })
        if (!isFree) return 'taken'
        const from = newName === name ? undefined : name
        await recordEvent(tx, { action: 'repository.restore', who: by, repository: newName, from }, now)
        return 'restored'
      }),
    async emptyTrash(by) {
      const count = await emptyTrash({ transaction })
      if (count > 0)
        await transaction((tx) => recordEvent(tx, { action: 'trash.empty', who: by, count }, clock()))
      return count
    },
  }
}

interface RestoredTag {
  readonly repository: RepositoryName
  readonly tag: Tag
  readonly digest?: Digest | undefined
  readonly by: string | undefined
  readonly policies: PolicyReader
  readonly now: number
}

async function restoreTag(
  tx: Writes,
  { repository, tag, digest, by, policies, now }: RestoredTag,
): Promise<{ digest: Digest } | 'unknown' | 'gone'> {
  const repositoryId = await findRepositoryId(tx, repository)
  if (repositoryId === undefined) return 'unknown'
  let query = tx
    .selectFrom('tag_history')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('name', '=', tag)
  if (digest !== undefined) query = query.where('digest', '=', digest)
  // By the order of the moves: a clock may have been set back between two.
  const period = await query.orderBy('id', 'desc').limit(1).executeTakeFirst()
  if (!period) return 'unknown'
  const key = { repositoryId, digest: period.digest }
  if (!(await isStored(tx, key)) && !(await bringBack(tx, { ...key, now }))) return 'gone'
  const act = { repository, repositoryId, policies, now, by }
  const before = await moveTag(tx, act, { name: tag, digest: period.digest })
  const tags = [{ name: tag, before }]
  await recordEvent(tx, { action: 'tag.restore', who: by, repository, digest: period.digest, tags }, now)
  return { digest: period.digest as Digest }
}

async function isStored(tx: Writes, { repositoryId, digest }: Omit<Brought, 'now'>): Promise<boolean> {
  const row = await tx
    .selectFrom('manifests')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row !== undefined
}

async function restoreManifest(
  tx: Writes,
  {
    repository,
    repositoryId,
    digest,
    by,
    policies,
    now,
  }: Brought & { repository: RepositoryName; by: string | undefined; policies: PolicyReader },
): Promise<boolean> {
  const trashed = await tx
    .selectFrom('trashed_manifests')
    .select('trashed_at')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (!trashed || !(await bringBack(tx, { repositoryId, digest, now }))) return false
  const ended = await tx
    .selectFrom('tag_history')
    .select('name')
    .distinct()
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .where('ended_at', '=', trashed.trashed_at)
    .where('ended_how', '=', 'manifest-deleted')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('tags')
            .select('tags.name')
            .whereRef('tags.repository_id', '=', 'tag_history.repository_id')
            .whereRef('tags.name', '=', 'tag_history.name'),
        ),
      ),
    )
    .limit(MAX_TAGS)
    .execute()
  const act = { repository, repositoryId, policies, now, by }
  for (const { name } of ended) await moveTag(tx, act, { name: name as Tag, digest })
  const tags = ended.map(({ name }) => ({ name }))
  await recordEvent(tx, { action: 'manifest.restore', who: by, repository, digest, tags }, now)
  return true
}
