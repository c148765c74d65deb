import type { ExpressionBuilder } from 'kysely'
import type { Database } from '../../../database/database.ts'
import type { Digest } from '../../../oci/digest.ts'
import type { Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { Page, RepositoryFacts, RepositoryFilter, RepositoryRow, TagRow } from '../../metadata.ts'
import type { MetadataSchema } from '../../schema.ts'
import { lastOf } from '../last-of.ts'
import type { PolicyReader } from '../policies/policy-reader.ts'
import { findHeldRepository, holdsContent, type Reads } from '../repositories.ts'
import { withinFilter } from '../repository-filter.ts'
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
    describeRepositories: (page) => describeRepositories(read, page),
    requireDeletable: (repository) =>
      transaction(async (tx) => {
        await requireDeletable(tx, { repository, policies })
      }),
    deleteRepository: (repository, by) =>
      transaction((tx) => trashRepository(tx, { repository, by, policies, now: clock() })),
  }
}

async function listRepositories(db: Reads, filter: RepositoryFilter, page: Page): Promise<RepositoryName[]> {
  let query = db
    .selectFrom('repositories')
    .select('name')
    .where((eb) => withinFilter(eb, filter))
    .where('trashed_at', 'is', null)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('manifests').select('manifests.digest').whereRef('repository_id', '=', 'repositories.id'),
      ),
    )
  const last = lastOf(page)
  if (last !== undefined) query = query.where('name', '>', last)
  const rows = await query.orderBy('name').limit(page.limit).execute()
  return rows.map((row) => row.name as RepositoryName)
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
  page: Page,
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
  const rows = await query.orderBy('tags.name').limit(page.limit).execute()
  return rows.map((row) => ({
    name: row.name as Tag,
    digest: row.digest as Digest,
    mediaType: row.media_type,
    size: row.size,
    updatedAt: new Date(row.updated_at),
  }))
}

/** One query, so that the totals of a page fit together. */
async function describeRepositories(
  db: Reads,
  page: Page & { only?: RepositoryName },
): Promise<RepositoryRow[]> {
  let query = db
    .selectFrom('repositories')
    .select(['name', 'created_at'])
    .select(selectTotals)
    .where(holdsContent)
  const last = lastOf(page)
  if (last !== undefined) query = query.where('name', '>', last)
  if (page.only !== undefined) query = query.where('name', '=', page.only)
  const rows = await query.orderBy('name').limit(page.limit).execute()
  return rows.map((row) => ({
    name: row.name as RepositoryName,
    createdAt: new Date(row.created_at),
    tagCount: Number(row.tag_count),
    manifestCount: Number(row.manifest_count),
    sizeBytes: Number(row.manifest_bytes ?? 0) + Number(row.blob_bytes ?? 0),
    updatedAt: row.updated_at === null ? undefined : new Date(row.updated_at),
  }))
}

function selectTotals(eb: ExpressionBuilder<MetadataSchema, 'repositories'>) {
  const tags = eb.selectFrom('tags').whereRef('tags.repository_id', '=', 'repositories.id')
  const manifests = eb.selectFrom('manifests').whereRef('manifests.repository_id', '=', 'repositories.id')
  const blobs = eb
    .selectFrom('repository_blobs')
    .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
    .whereRef('repository_blobs.repository_id', '=', 'repositories.id')
  return [
    tags.select(({ fn }) => fn.countAll<number>().as('count')).as('tag_count'),
    tags.select(({ fn }) => fn.max('tags.updated_at').as('newest')).as('updated_at'),
    manifests.select(({ fn }) => fn.countAll<number>().as('count')).as('manifest_count'),
    manifests.select(({ fn }) => fn.sum<number | null>('manifests.size').as('bytes')).as('manifest_bytes'),
    blobs.select(({ fn }) => fn.sum<number | null>('blobs.size').as('bytes')).as('blob_bytes'),
  ] as const
}
