import type { Digest } from '../../../oci/digest.ts'
import type { Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { Page } from '../../metadata.ts'
import type { TagAt, TagsAt } from '../../restore-facts.ts'
import { betweenBatches } from '../between-batches.ts'
import { lastOf } from '../last-of.ts'
import type { Reads } from '../repositories.ts'

/** Digests in one query. */
const BATCH = 500

/** A page of the tags of one repository, at a time in milliseconds. */
interface Selection {
  readonly repositoryId: number
  readonly at: number
  readonly limit: number
  readonly last: string
}

/** All tags of a repository as they stood at a time, from the tags of now and the periods that have ended since. */
export async function listTagsAt(
  db: Reads,
  repository: RepositoryName,
  { at, limit, ...page }: Page & { readonly at: Date },
): Promise<TagsAt | undefined> {
  const time = at.getTime()
  const found = await findRepositoryAt(db, repository, time)
  if (!found) return undefined
  if (found.history_since !== null && found.history_since > time) {
    return { knownFrom: new Date(found.history_since) }
  }
  const selection = { repositoryId: found.id, at: time, limit, last: lastOf({ limit, ...page }) ?? '' }
  // In this order: a tag that ends in between is in both, and in none in the other order.
  const present = await readPresent(db, selection)
  const ended = await readEnded(db, selection)
  const byName = new Map([...present, ...ended].map((tag) => [tag.name, tag]))
  const tags = [...byName.values()].sort((one, other) => (one.name < other.name ? -1 : 1)).slice(0, limit)
  return {
    tags: await addContent(db, found.id, tags),
    deletedAt: found.trashed_at === null ? undefined : new Date(found.trashed_at),
  }
}

/** The repository that had the name then: of several that were deleted, the one that was deleted first after it. */
function findRepositoryAt(db: Reads, name: RepositoryName, at: number) {
  return db
    .selectFrom('repositories')
    .select(['id', 'trashed_at', 'history_since'])
    .where((eb) => eb.or([eb('name', '=', name), eb('trashed_name', '=', name)]))
    .where('created_at', '<=', at)
    .where((eb) => eb.or([eb('trashed_at', 'is', null), eb('trashed_at', '>', at)]))
    .orderBy((eb) => eb.fn.coalesce('trashed_at', eb.val(Number.MAX_SAFE_INTEGER)))
    .limit(1)
    .executeTakeFirst()
}

type Period = Omit<TagAt, 'content'>

async function readPresent(db: Reads, { repositoryId, at, limit, last }: Selection): Promise<Period[]> {
  const rows = await db
    .selectFrom('tags')
    .selectAll()
    .where('repository_id', '=', repositoryId)
    .where('name', '>', last)
    .where((eb) => eb(eb.fn.coalesce('started_at', 'updated_at'), '<=', at))
    .orderBy('name')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    name: row.name as Tag,
    digest: row.digest as Digest,
    from: new Date(row.started_at ?? row.updated_at),
    by: row.started_by ?? undefined,
    until: undefined,
  }))
}

/** One period of each name: two overlap only if the clock was set back, and the later one counts. */
async function readEnded(db: Reads, { repositoryId, at, limit, last }: Selection): Promise<Period[]> {
  const rows = await db
    .selectFrom('tag_history')
    .innerJoin(
      (eb) =>
        eb
          .selectFrom('tag_history')
          .select(({ fn }) => fn.max('id').as('id'))
          .where('repository_id', '=', repositoryId)
          .where('name', '>', last)
          .where('ended_at', '>', at)
          .where('started_at', '<=', at)
          .groupBy('name')
          .orderBy('name')
          .limit(limit)
          .as('found'),
      (join) => join.onRef('found.id', '=', 'tag_history.id'),
    )
    .selectAll('tag_history')
    .execute()
  return rows.map((row) => ({
    name: row.name as Tag,
    digest: row.digest as Digest,
    from: new Date(row.started_at),
    by: row.started_by ?? undefined,
    until: new Date(row.ended_at),
  }))
}

async function addContent(db: Reads, repositoryId: number, tags: readonly Period[]): Promise<TagAt[]> {
  const digests = [...new Set(tags.map(({ digest }) => digest))]
  const content = new Map<string, TagAt['content']>()
  for (let at = 0; at < digests.length; at += BATCH) {
    if (at > 0) await betweenBatches()
    const some = digests.slice(at, at + BATCH)
    for (const [table, kind] of [
      ['trashed_manifests', 'deleted'],
      ['manifests', 'stored'],
    ] as const) {
      const rows = await db
        .selectFrom(table)
        .select('digest')
        .where('repository_id', '=', repositoryId)
        .where('digest', 'in', some)
        .execute()
      for (const { digest } of rows) content.set(digest, kind)
    }
  }
  return tags.map((tag) => ({ ...tag, content: content.get(tag.digest) ?? 'gone' }))
}
