import { kysely } from '../../../database/kysely.ts'
import { OciError } from '../../../oci/errors.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { Quota } from '../../../policies/quotas.ts'
import { findHeldRepository, holdsContent, type Reads } from '../repositories.ts'
import { withinNamespace } from '../within-namespace.ts'

/** References of images in the trash that are looked at with each push: some milliseconds. With more of them the exact number is needed. */
const MAX_TRASHED_REFERENCES = 5_000

/** Content that is about to be added to a repository. */
interface WantedRoom {
  readonly repository: RepositoryName
  /** In bytes. */
  readonly size: number
  /** Undefined: of an upload that is not finished. */
  readonly digest?: string | undefined
  /** The upload that brings it, whose own bytes do not count twice. */
  readonly upload?: string | undefined
}

/**
 * Fails if a namespace has no room left for content. In the transaction that adds it, this is exact: of two that fit
 * alone and not together, one sees the other. Errors: `OciError` `DENIED`.
 */
export async function requireRoom(db: Reads, quota: Quota | undefined, wanted: WantedRoom): Promise<void> {
  if (quota === undefined) return
  await requireRepository(db, quota, wanted.repository)
  const { bytes: limit } = quota
  if (limit === undefined) return
  const uploads = await sumUploads(db, quota.namespace, wanted.upload)
  // Layers that repositories share count several times here, so that the exact number is needed near the limit only.
  const most = (await sumRepositories(db, quota.namespace)) + (await sumUnlinked(db, quota.namespace))
  if (most + uploads + wanted.size <= limit) return
  if (wanted.digest !== undefined && (await isHeld(db, quota.namespace, wanted.digest))) return
  const used = (await sumContent(db, quota.namespace)) + uploads
  if (used + wanted.size <= limit) return
  throw new OciError('DENIED', {
    message: `The quota of ${quota.namespace} is used up: ${used} of ${limit} bytes are used, and ${wanted.size} more are wanted. Deleted and overwritten images count until they are removed: delete what is not needed, and the operator frees it at once with "berth trash empty" and "berth gc --now"`,
    detail: { reason: 'quota', namespace: quota.namespace, used, limit, wanted: wanted.size },
  })
}

/** Bytes that count for a namespace: its content, each digest once, and its uploads under way. */
export async function sumUse(db: Reads, namespace: string): Promise<number> {
  return (await sumContent(db, namespace)) + (await sumUploads(db, namespace, undefined))
}

/** Number of repositories of a namespace that hold content. */
export async function countRepositories(db: Reads, namespace: string): Promise<number> {
  const { sql } = kysely
  const { count } = await db
    .selectFrom('repositories')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where(sql<boolean>`${withinNamespace(sql.ref('repositories.name'), namespace)}`)
    .where(holdsContent)
    .executeTakeFirstOrThrow()
  return Number(count)
}

async function requireRepository(
  db: Reads,
  { namespace, repositories: limit }: Quota,
  repository: RepositoryName,
): Promise<void> {
  if (limit === undefined || (await findHeldRepository(db, repository)) !== undefined) return
  const used = await countRepositories(db, namespace)
  if (used < limit) return
  throw new OciError('DENIED', {
    message: `The quota of ${namespace} is used up: it has ${used} of ${limit} repositories, and ${repository} would be one more. Delete one that is not needed`,
    detail: { reason: 'quota', namespace, used, limit, wanted: 1, repositories: true },
  })
}

async function sumUploads(db: Reads, namespace: string, own: string | undefined): Promise<number> {
  const { sql } = kysely
  const row = await db
    .selectFrom('uploads')
    .select(({ fn }) => fn.sum<number | null>('offset').as('bytes'))
    .where(sql<boolean>`${withinNamespace(sql.ref('uploads.repository'), namespace)}`)
    .where('id', '<>', own ?? '')
    .executeTakeFirst()
  return Number(row?.bytes ?? 0)
}

async function sumRepositories(db: Reads, namespace: string): Promise<number> {
  const { sql } = kysely
  const sums = await Promise.all(
    (['repository_sizes', 'size_changes'] as const).map((table) =>
      db
        .selectFrom(table)
        .innerJoin('repositories', 'repositories.id', `${table}.repository_id`)
        .select(({ fn }) => fn.sum<number | null>(`${table}.bytes`).as('bytes'))
        .where(sql<boolean>`${withinNamespace(sql.ref('repositories.name'), namespace)}`)
        .executeTakeFirst(),
    ),
  )
  return sums.reduce((sum, row) => sum + Number(row?.bytes ?? 0), 0)
}

/**
 * Bytes that images in the trash name, and that their repositories hold no longer, since a client has deleted them:
 * sizes of repositories are without them. Infinite if the trash is too large to add them up.
 */
async function sumUnlinked(db: Reads, namespace: string): Promise<number> {
  const { sql } = kysely
  const row = await db
    .selectFrom(
      sql<{ number: number; bytes: number | null }>`(
        select count(*) as number,
          sum(case when links.digest is null and blobs.size > 0 then blobs.size else 0 end) as bytes
        from (
          select repository_id, digest from trashed_references
          where kind = 'blob' and repository_id in (
            select id from repositories where ${withinNamespace(sql.ref('repositories.name'), namespace)}
          )
          limit ${sql.lit(MAX_TRASHED_REFERENCES)}
        ) as named
        left join blobs on blobs.digest = named.digest
        left join repository_blobs as links
          on links.repository_id = named.repository_id and links.digest = named.digest
      )`.as('sums'),
    )
    .selectAll()
    .executeTakeFirstOrThrow()
  return Number(row.number) < MAX_TRASHED_REFERENCES ? Number(row.bytes ?? 0) : Number.POSITIVE_INFINITY
}

async function isHeld(db: Reads, namespace: string, digest: string): Promise<boolean> {
  const { sql } = kysely
  for (const table of ['repository_blobs', 'manifests', 'trashed_manifests'] as const) {
    const row = await db
      .selectFrom(table)
      .innerJoin('repositories', 'repositories.id', `${table}.repository_id`)
      .select('digest')
      .where(`${table}.digest`, '=', digest)
      .where(sql<boolean>`${withinNamespace(sql.ref('repositories.name'), namespace)}`)
      .limit(1)
      .executeTakeFirst()
    if (row) return true
  }
  const restorable = await db
    .selectFrom('trashed_references')
    .innerJoin('repositories', 'repositories.id', 'trashed_references.repository_id')
    .innerJoin('blobs', 'blobs.digest', 'trashed_references.digest')
    .select('blobs.digest')
    .where('trashed_references.digest', '=', digest)
    .where('trashed_references.kind', '=', 'blob')
    .where(sql<boolean>`${withinNamespace(sql.ref('repositories.name'), namespace)}`)
    .limit(1)
    .executeTakeFirst()
  return restorable !== undefined
}

/** Also blobs that a client has deleted while an image in the trash needs them: their bytes are kept. */
async function sumContent(db: Reads, namespace: string): Promise<number> {
  const { sql } = kysely
  const scope = sql`(select id from repositories where ${withinNamespace(sql.ref('repositories.name'), namespace)})`
  const row = await db
    .selectFrom('blobs')
    .select(({ fn }) => fn.sum<number | null>('size').as('bytes'))
    .where('size', '>', 0)
    .where(
      sql<boolean>`digest in (
        select digest from repository_blobs where repository_id in ${scope}
        union select digest from manifests where repository_id in ${scope}
        union select digest from trashed_manifests where repository_id in ${scope}
        union select digest from trashed_references where kind = 'blob' and repository_id in ${scope}
      )`,
    )
    .executeTakeFirst()
  return Number(row?.bytes ?? 0)
}
