import type { Database } from '../../../database/database.ts'
import type { Digest } from '../../../oci/digest.ts'
import type { Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { Page, RepositoryFacts, RepositoryFilter, TagRow } from '../../metadata.ts'
import type { MetadataSchema } from '../../schema.ts'
import { lastOf } from '../last-of.ts'
import type { PolicyReader } from '../policies/policy-reader.ts'
import { readIncluded } from '../read-included.ts'
import { findHeldRepository, type Reads } from '../repositories.ts'
import { withinSpans } from '../repository-filter.ts'
import { requireDeletable, trashRepository } from '../trash/trash-repository.ts'

/** {@link RepositoryFacts} in SQL. */
export function createRepositoryFacts(
  { read, transaction }: Database<MetadataSchema>,
  clock: () => number,
  policies: PolicyReader,
): RepositoryFacts {
  return {
    listRepositories: (filter, page) => listRepositories(read, filter, page),
    listTags: (repository, page) => listTags(read, repository, page),
    describeTags: (repository, page) => describeTags(read, repository, page),
    requireDeletable: (repository) =>
      transaction(async (tx) => {
        await requireDeletable(tx, { repository, policies })
      }),
    deleteRepository: (repository, by) =>
      transaction((tx) => trashRepository(tx, { repository, by, policies, now: clock() })),
  }
}

async function listRepositories(db: Reads, filter: RepositoryFilter, page: Page): Promise<RepositoryName[]> {
  const rows = await readIncluded<{ name: string }>(filter, page.limit, (limit, after) => {
    let query = db
      .selectFrom('repositories')
      .select('name')
      .where((eb) => withinSpans(eb, filter))
      .where('trashed_at', 'is', null)
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('manifests')
            .select('manifests.digest')
            .whereRef('repository_id', '=', 'repositories.id'),
        ),
      )
    const last = after?.name ?? lastOf(page)
    if (last !== undefined) query = query.where('name', '>', last)
    return query.orderBy('name').limit(limit).execute()
  })
  return rows.map(({ name }) => name as RepositoryName)
}

async function listTags(db: Reads, repository: RepositoryName, page: Page): Promise<Tag[] | undefined> {
  const id = await findHeldRepository(db, repository)
  if (id === undefined) return undefined
  let query = db.selectFrom('tags').select('name').where('repository_id', '=', id)
  const last = lastOf(page)
  if (last !== undefined) query = query.where('name', '>', last)
  const rows = await query.orderBy('name').limit(page.limit).execute()
  return rows.map((row) => row.name as Tag)
}

async function describeTags(
  db: Reads,
  repository: RepositoryName,
  page: Page & { readonly only?: Tag | undefined },
): Promise<TagRow[] | undefined> {
  const id = await findHeldRepository(db, repository)
  if (id === undefined) return undefined
  let query = db
    .selectFrom('tags')
    .innerJoin('manifests', (join) =>
      join
        .onRef('manifests.repository_id', '=', 'tags.repository_id')
        .onRef('manifests.digest', '=', 'tags.digest'),
    )
    .select(['tags.name', 'tags.digest', 'manifests.media_type', 'manifests.size', 'tags.updated_at'])
    .where('tags.repository_id', '=', id)
  const last = lastOf(page)
  if (last !== undefined) query = query.where('tags.name', '>', last)
  if (page.only !== undefined) query = query.where('tags.name', '=', page.only)
  const rows = await query.orderBy('tags.name').limit(page.limit).execute()
  return rows.map((row) => ({
    name: row.name as Tag,
    digest: row.digest as Digest,
    mediaType: row.media_type,
    size: row.size,
    updatedAt: new Date(row.updated_at),
  }))
}
