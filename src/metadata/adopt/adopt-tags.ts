import type { RepositoryName } from '../../oci/repository-name.ts'
import { findImmutableTags } from '../../policies/immutable-tags.ts'
import type { AdoptedTag, TagOutcome } from '../adopt-facts.ts'
import type { PolicyReader } from '../queries/policies/policy-reader.ts'
import { findRepositoryId, type Reads, type Writes } from '../queries/repositories.ts'
import { moveTag } from '../queries/tags/tag-periods.ts'
import { findDeletion } from './find-deletion.ts'
import { findHeld } from './find-held.ts'

/**
 * Sets tags of a repository, at most 500. The later time wins, except against an immutable tag, and the other manifest
 * stays in the history of the tag.
 */
export async function adoptTags(
  tx: Writes,
  {
    repository,
    tags,
    by,
    policies,
    now,
  }: {
    repository: RepositoryName
    tags: readonly AdoptedTag[]
    by: string
    policies: PolicyReader
    now: number
  },
): Promise<TagOutcome[]> {
  const id = await findRepositoryId(tx, repository)
  if (id === undefined) return tags.map(() => 'no-manifest')
  const held = await findHeld(tx, 'manifests', {
    id,
    digests: [...new Set(tags.map(({ digest }) => digest))],
  })
  const judged = await judgeTags(tx, { repository, id, tags })
  const outcomes = judged.map((outcome, at): TagOutcome => {
    const digest = tags[at]?.digest
    return digest !== undefined && held.has(digest) ? outcome : 'no-manifest'
  })
  const document = await policies.read(tx)
  const immutable = findImmutableTags(document, repository)
  for (const [at, tag] of tags.entries())
    if (outcomes[at] === 'moved' && immutable?.findPattern(tag.name) !== undefined) outcomes[at] = 'kept-here'
  const selected = (outcome: TagOutcome): AdoptedTag[] => tags.filter((_, at) => outcomes[at] === outcome)
  await insertTags(tx, { id, by, now }, selected('adopted'))
  for (const { name, digest } of selected('moved'))
    await moveTag(tx, { repository, repositoryId: id, policies, now, by }, { name, digest })
  for (const tag of selected('kept-here')) await keepInHistory(tx, { id, by, now }, tag)
  return outcomes
}

/** Compares tags with those of the repository, with their history, and with a repository of that name in the trash. */
export async function judgeTags(
  db: Reads,
  {
    repository,
    id,
    tags,
  }: { repository: RepositoryName; id: number | undefined; tags: readonly AdoptedTag[] },
): Promise<TagOutcome[]> {
  if (tags.length === 0) return []
  const deletedAt = (await findDeletion(db, repository)) ?? Number.NEGATIVE_INFINITY
  if (id === undefined) return tags.map(({ at }) => (deletedAt > at ? 'deleted-here' : 'adopted'))
  const names = tags.map(({ name }) => name)
  const rows = await db
    .selectFrom('tags')
    .select(['name', 'digest', 'updated_at'])
    .where('repository_id', '=', id)
    .where('name', 'in', names)
    .execute()
  const ends = await db
    .selectFrom('tag_history')
    .select(['name', ({ fn }) => fn.max<number>('ended_at').as('ended_at')])
    .where('repository_id', '=', id)
    .where('name', 'in', names)
    .groupBy('name')
    .execute()
  const present = new Map(rows.map((row) => [row.name, row]))
  const ended = new Map(ends.map((row) => [row.name, Number(row.ended_at)]))
  return tags.map(({ name, digest, at }): TagOutcome => {
    const here = present.get(name)
    if (here === undefined)
      return Math.max(ended.get(name) ?? deletedAt, deletedAt) > at ? 'deleted-here' : 'adopted'
    if (here.digest === digest) return 'known'
    return at > here.updated_at ? 'moved' : 'kept-here'
  })
}

interface Act {
  readonly id: number
  readonly by: string
  readonly now: number
}

async function insertTags(tx: Writes, { id, by, now }: Act, tags: readonly AdoptedTag[]): Promise<void> {
  if (tags.length === 0) return
  await tx
    .insertInto('tags')
    .values(
      tags.map(({ name, digest, at }) => ({
        repository_id: id,
        name,
        digest,
        updated_at: Math.min(at, now),
        started_at: Math.min(at, now),
        started_by: by,
      })),
    )
    .execute()
}

/** A period that ends now, unless the history has that manifest for the tag. */
async function keepInHistory(
  tx: Writes,
  { id, by, now }: Act,
  { name, digest, at }: AdoptedTag,
): Promise<void> {
  const kept = await tx
    .selectFrom('tag_history')
    .select('id')
    .where('repository_id', '=', id)
    .where('name', '=', name)
    .where('digest', '=', digest)
    .limit(1)
    .executeTakeFirst()
  if (kept) return
  await tx
    .insertInto('tag_history')
    .values({
      repository_id: id,
      name,
      digest,
      started_at: Math.min(at, now),
      started_by: by,
      ended_at: now,
      ended_by: by,
      ended_how: 'moved',
    })
    .execute()
}
