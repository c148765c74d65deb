import { kysely } from '../../database/kysely.ts'
import type { SchemaChange } from '../../database/migrations.ts'

/**
 * Counts the sizes of all repositories anew: in a database of before there were any, and after statements that changed
 * rows of several repositories at once.
 */
export async function recountSizes(db: Pick<SchemaChange, 'getExecutor'>): Promise<void> {
  const { sql } = kysely
  await sql`delete from size_changes`.execute(db)
  await sql`delete from repository_sizes`.execute(db)
  await sql`
    with held as (
      select repository_id, repository_blobs.digest, size
      from repository_blobs join blobs on blobs.digest = repository_blobs.digest
      union select repository_id, digest, size from manifests
      union select repository_id, digest, size from trashed_manifests
    ), holders as (
      select digest, count(*) as number from held group by digest
    )
    insert into repository_sizes (repository_id, bytes, unique_bytes)
    select repository_id, sum(size), sum(case when number = 1 then size else 0 end)
    from held join holders on holders.digest = held.digest group by repository_id`.execute(db)
}
