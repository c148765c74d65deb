import type { Expression, ExpressionBuilder, RawBuilder } from 'kysely'
import { kysely } from '../../database/kysely.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { readIncluded } from '../queries/read-included.ts'
import { holdsContent, type Reads } from '../queries/repositories.ts'
import { withinSpans } from '../queries/repository-filter.ts'
import { withinNamespace } from '../queries/within-namespace.ts'
import type { MetadataSchema } from '../schema.ts'
import type { RankedPage, RankedRepository, RepositoryOrder } from '../size-facts.ts'

interface RankedRow {
  name: string
  rank: number
  bytes: number
  unique_bytes: number
  created_at: number
  tag_count: number
  manifest_count: number
  pushed_at: number | null
  used_at: number | null
}

/**
 * A page of repositories in an order: the ranks of all are read, by which the page is chosen, and the totals of that page
 * alone.
 */
export function rankRepositories(db: Reads, page: RankedPage): Promise<RankedRepository[]> {
  const { filter = 'all' } = page
  return readIncluded(
    'all' === filter || !('namespace' in filter) ? filter : 'all',
    page.limit,
    (limit, after) => readRanked(db, { ...page, limit, after: after ?? page.after }),
  )
}

async function readRanked(db: Reads, page: RankedPage): Promise<RankedRepository[]> {
  const rows = await db
    .selectFrom(selectTotals(page).as('totals'))
    .selectAll()
    .orderBy('rank', 'desc')
    .orderBy('name')
    .execute()
  return rows.map((row) => ({
    name: row.name as RepositoryName,
    rank: Number(row.rank),
    bytes: Number(row.bytes),
    uniqueBytes: Number(row.unique_bytes),
    tagCount: Number(row.tag_count),
    manifestCount: Number(row.manifest_count),
    createdAt: new Date(row.created_at),
    pushedAt: toTime(row.pushed_at),
    usedAt: toTime(row.used_at),
  }))
}

function toTime(at: number | null): Date | undefined {
  return at === null ? undefined : new Date(Number(at))
}

function selectTotals(page: RankedPage): RawBuilder<RankedRow> {
  const { sql } = kysely
  return sql<RankedRow>`(
    select name, rank, bytes, unique_bytes, created_at,
      (select count(*) from tags where tags.repository_id = page.id) as tag_count,
      (select count(*) from manifests where manifests.repository_id = page.id) as manifest_count,
      ${LATEST.pushed('page.id')} as pushed_at,
      ${LATEST.pulled('page.id')} as used_at
    from (${selectPage(page)}) as page
  )`
}

/** A manifest's use is its last pull, push, tagging or untagging. */
const LATEST = {
  pushed: (id: string) =>
    kysely.sql`(select max(updated_at) from tags where tags.repository_id = ${kysely.sql.ref(id)})`,
  pulled: (id: string) =>
    kysely.sql`(select max(used_at) from manifest_uses where manifest_uses.repository_id = ${kysely.sql.ref(id)})`,
}

const RANKS: Readonly<Record<RepositoryOrder, () => RawBuilder<unknown>>> = {
  name: () => kysely.sql`0`,
  size: () => kysely.sql`coalesce(sizes.bytes, 0) + coalesce(changes.bytes, 0)`,
  pushed: () => kysely.sql`coalesce(${LATEST.pushed('repositories.id')}, 0)`,
  pulled: () => kysely.sql`coalesce(${LATEST.pulled('repositories.id')}, 0)`,
}

function selectPage({ order, limit, after, filter = 'all' }: RankedPage): RawBuilder<unknown> {
  const { sql } = kysely
  const eb = kysely.expressionBuilder<MetadataSchema, 'repositories'>()
  return sql`
    select * from (
      select repositories.id, repositories.name, repositories.created_at,
        coalesce(sizes.bytes, 0) + coalesce(changes.bytes, 0) as bytes,
        coalesce(sizes.unique_bytes, 0) + coalesce(changes.unique_bytes, 0) as unique_bytes,
        ${RANKS[order]()} as rank
      from repositories
      left join repository_sizes as sizes on sizes.repository_id = repositories.id
      left join (
        select repository_id, sum(bytes) as bytes, sum(unique_bytes) as unique_bytes
        from size_changes group by repository_id
      ) as changes on changes.repository_id = repositories.id
      where ${isWithin(eb, filter)} and ${holdsContent(eb)}
    ) as ranked
    where ${isAfter(after)}
    order by ${order === 'name' ? sql`name` : sql`rank desc, name`} limit ${sql.lit(limit)}`
}

function isWithin(
  eb: ExpressionBuilder<MetadataSchema, 'repositories'>,
  filter: NonNullable<RankedPage['filter']>,
): Expression<unknown> {
  if (filter === 'all' || !('namespace' in filter)) return withinSpans(eb, filter)
  return withinNamespace(kysely.sql.ref('repositories.name'), filter.namespace)
}

function isAfter(after: RankedPage['after']): RawBuilder<unknown> {
  const { sql } = kysely
  if (after === undefined) return sql`1 = 1`
  // PostgreSQL refuses a NUL in any text, and no name holds one.
  const name = after.name.split('\0', 1)[0] ?? ''
  const rank = sql`cast(${after.rank} as bigint)`
  return sql`(rank < ${rank} or (rank = ${rank} and name > ${name}))`
}
