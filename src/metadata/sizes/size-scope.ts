import type { RawBuilder } from 'kysely'
import { kysely } from '../../database/kysely.ts'
import type { Reads } from '../queries/repositories.ts'
import { isDeleted, withinNamespace } from '../queries/within-namespace.ts'
import type { ScopeSizes, SizeScope } from '../size-facts.ts'

interface ScopeRow {
  readonly bytes: number | null
  readonly unique_bytes: number | null
  readonly untagged_bytes: number | null
  readonly unnamed_bytes: number | null
  readonly trash_bytes: number | null
}

/** Adds up what the repositories of a scope hold: each digest once, and under the strongest reason for which it is kept. */
export async function sizeScope(db: Reads, scope: SizeScope): Promise<ScopeSizes> {
  const row = await db.selectFrom(selectSums(scope).as('sums')).selectAll().executeTakeFirst()
  const { sql } = kysely
  const uploads = await db
    .selectFrom('uploads')
    .select(({ fn }) => [fn.sum<number | null>('offset').as('bytes'), fn.countAll<number>().as('count')])
    .where(sql<boolean>`${within(scope, 'uploads.repository')}`)
    .executeTakeFirst()
  const repositories = await db
    .selectFrom('repositories')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('trashed_at', 'is', null)
    .where(sql<boolean>`${within(scope, 'repositories.name')}`)
    .executeTakeFirst()
  return {
    bytes: Number(row?.bytes ?? 0),
    uniqueBytes: Number(row?.unique_bytes ?? 0),
    untaggedBytes: Number(row?.untagged_bytes ?? 0),
    unnamedBytes: Number(row?.unnamed_bytes ?? 0),
    trashBytes: Number(row?.trash_bytes ?? 0),
    uploadBytes: Number(uploads?.bytes ?? 0),
    uploadCount: Number(uploads?.count ?? 0),
    repositoryCount: Number(repositories?.count ?? 0),
  }
}

/** Bytes in the store that no repository holds any more. A size of -1 is unknown. */
export async function findDueBytes(db: Reads): Promise<number> {
  const { sql } = kysely
  const row = await db
    .selectFrom('blobs')
    .select(({ fn }) => fn.sum<number | null>('size').as('bytes'))
    .where('size', '>', 0)
    .where(
      sql<boolean>`not exists (select 1 from repository_blobs as held where held.digest = blobs.digest)
        and not exists (select 1 from manifests as held where held.digest = blobs.digest)
        and not exists (select 1 from trashed_manifests as held where held.digest = blobs.digest)`,
    )
    .executeTakeFirst()
  return Number(row?.bytes ?? 0)
}

/** Condition on a name of a repository; that of a deleted one ends in @ and its id. */
function within(scope: SizeScope, column: string): RawBuilder<unknown> {
  const { sql } = kysely
  const name = sql.ref(column)
  if (scope === 'all') return sql`1 = 1`
  if ('namespace' in scope) return withinNamespace(name, scope.namespace)
  return sql`(${name} = ${scope.repository} or ${isDeleted(name, scope.repository)})`
}

function selectSums(scope: SizeScope): RawBuilder<ScopeRow> {
  const { sql } = kysely
  const outside = (table: string) =>
    sql`exists (
      select 1 from ${sql.table(table)} as other
      where other.digest = content.digest and other.repository_id not in (select id from scope)
    )`
  return sql<ScopeRow>`(
    with recursive scope as (
      select id, trashed_at from repositories where ${within(scope, 'repositories.name')}
    ), live as (
      select id from scope where trashed_at is null
    ), edges as (
      select repository_id, manifest_digest as parent, digest as child from manifest_references
      where kind = 'child' and repository_id in (select id from live)
      union all
      select repository_id, subject, digest from manifests
      where subject is not null and repository_id in (select id from live)
    ), tagged as (
      select repository_id, digest from tags where repository_id in (select id from live)
      union
      select edges.repository_id, edges.child from edges
      join tagged on tagged.repository_id = edges.repository_id and tagged.digest = edges.parent
    ), named as (
      select named.repository_id, named.digest, min(case when tagged.digest is null then 1 else 0 end) as reason
      from manifest_references as named
      left join tagged on tagged.repository_id = named.repository_id and tagged.digest = named.manifest_digest
      where named.kind = 'blob' and named.repository_id in (select id from live)
      group by named.repository_id, named.digest
    ), restorable as (
      select distinct repository_id, digest from trashed_references
      where kind = 'blob' and repository_id in (select id from live)
    ), held as (
      select manifests.digest, size,
        case when live.id is null then 3 when tagged.digest is null then 1 else 0 end as reason
      from manifests
      left join live on live.id = manifests.repository_id
      left join tagged on tagged.repository_id = manifests.repository_id and tagged.digest = manifests.digest
      where manifests.repository_id in (select id from scope)
      union all
      select links.digest, blobs.size,
        case when live.id is null then 3
          else coalesce(named.reason, case when restorable.digest is null then 2 else 3 end) end
      from repository_blobs as links
      join blobs on blobs.digest = links.digest
      left join live on live.id = links.repository_id
      left join named on named.repository_id = links.repository_id and named.digest = links.digest
      left join restorable on restorable.repository_id = links.repository_id and restorable.digest = links.digest
      where links.repository_id in (select id from scope)
      union all
      select digest, size, 3 from trashed_manifests
      where repository_id in (select id from scope)
    ), content as (
      select digest, max(size) as size, min(reason) as reason from held group by digest
    )
    select sum(size) as bytes,
      sum(case when ${outside('repository_blobs')} or ${outside('manifests')}
        or ${outside('trashed_manifests')} then 0 else size end) as unique_bytes,
      sum(case when reason = 1 then size else 0 end) as untagged_bytes,
      sum(case when reason = 2 then size else 0 end) as unnamed_bytes,
      sum(case when reason = 3 then size else 0 end) as trash_bytes
    from content
  )`
}
