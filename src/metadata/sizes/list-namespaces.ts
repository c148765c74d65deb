import type { RawBuilder } from 'kysely'
import { kysely } from '../../database/kysely.ts'
import type { Page } from '../metadata.ts'
import { betweenBatches } from '../queries/between-batches.ts'
import { lastOf } from '../queries/last-of.ts'
import { holdsContent, type Reads } from '../queries/repositories.ts'
import { withinNamespace } from '../queries/within-namespace.ts'
import type { NamespaceSizes } from '../size-facts.ts'

/** Names of repositories read at once. */
const BATCH = 1_000

/** A page of namespaces that hold content, by name. */
export async function listNamespaces(db: Reads, page: Page): Promise<NamespaceSizes[]> {
  const found: NamespaceSizes[] = []
  for (const name of await findNames(db, page)) {
    found.push({ name, ...(await sumHeld(db, withinNamespace(kysely.sql.ref('repositories.name'), name))) })
    await betweenBatches()
  }
  return found
}

/** The first names after `last`. All repositories are read: `team-x/app` comes before `team/app`, and `team` before `team-x`. */
async function findNames(db: Reads, page: Page): Promise<string[]> {
  const after = lastOf(page) ?? ''
  let names: string[] = []
  let last = ''
  for (;;) {
    const rows = await db
      .selectFrom('repositories')
      .select('name')
      .where(holdsContent)
      .where('name', '>', last)
      .orderBy('name')
      .limit(BATCH)
      .execute()
    const more = rows.map(({ name }) => name.split('/', 1)[0] ?? name).filter((name) => name > after)
    names = [...new Set([...names, ...more])].sort().slice(0, page.limit)
    last = rows.at(-1)?.name ?? last
    if (rows.length < BATCH) return names
    await betweenBatches()
  }
}

/** Bytes that repositories hold by a condition on `repositories`, and those that no other one holds. */
export async function sumHeld(
  db: Reads,
  condition: RawBuilder<unknown>,
): Promise<Omit<NamespaceSizes, 'name'>> {
  const { sql } = kysely
  const outside = (table: string) =>
    sql`exists (
      select 1 from ${sql.table(table)} as other
      where other.digest = content.digest and other.repository_id not in (select id from scope)
    )`
  const sums = await db
    .selectFrom(
      sql<{ bytes: number | null; unique_bytes: number | null; repositories: number }>`(
        with scope as (
          select id, trashed_at from repositories
          where ${condition}
        ), content as (
          select links.digest, size from repository_blobs as links join blobs on blobs.digest = links.digest
          where links.repository_id in (select id from scope)
          union select digest, size from manifests where repository_id in (select id from scope)
          union select digest, size from trashed_manifests where repository_id in (select id from scope)
        )
        select sum(size) as bytes,
          sum(case when ${outside('repository_blobs')} or ${outside('manifests')}
            or ${outside('trashed_manifests')} then 0 else size end) as unique_bytes,
          (select count(*) from scope where trashed_at is null) as repositories
        from content
      )`.as('sums'),
    )
    .selectAll()
    .executeTakeFirst()
  return {
    bytes: Number(sums?.bytes ?? 0),
    uniqueBytes: Number(sums?.unique_bytes ?? 0),
    repositoryCount: Number(sums?.repositories ?? 0),
  }
}
