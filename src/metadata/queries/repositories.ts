import type { Expression, ExpressionBuilder, SqlBool, Transaction } from 'kysely'
import type { Queries } from '../../database/database.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { MetadataSchema } from '../schema.ts'

/** Queries over metadata, in a transaction or outside. */
export type Reads = Queries<MetadataSchema>
/** A transaction over metadata. */
export type Writes = Transaction<MetadataSchema>

/** The row's id; undefined if there is no such repository. */
export async function findRepositoryId(db: Reads, name: RepositoryName): Promise<number | undefined> {
  const row = await db.selectFrom('repositories').select('id').where('name', '=', name).executeTakeFirst()
  return row?.id
}

/** The row's id, made if need be. */
export async function ensureRepository(tx: Writes, name: RepositoryName, now: number): Promise<number> {
  const found = await findRepositoryId(tx, name)
  if (found !== undefined) return found
  const row = await tx
    .insertInto('repositories')
    .values({ name, created_at: now })
    // Names itself again: only a row that was written is returned.
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ name }))
    .returning('id')
    .executeTakeFirstOrThrow()
  return row.id
}

/**
 * Removes the row of a repository without content, so that its tag history goes, too. One with content in the trash, or
 * with tags that can be restored, stays, and no list shows it.
 */
export async function dropIfEmpty(tx: Writes, id: number): Promise<void> {
  await tx
    .deleteFrom('repositories')
    .where('id', '=', id)
    .where('trashed_at', 'is', null)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('manifests').select('digest').where('repository_id', '=', id))),
    )
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('repository_blobs').select('digest').where('repository_id', '=', id))),
    )
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('trashed_manifests').select('digest').where('repository_id', '=', id))),
    )
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('tag_history').select('id').where('repository_id', '=', id))),
    )
    .execute()
}

/** Condition on `repositories`: it holds a manifest or a blob, and was not deleted. */
export function holdsContent(eb: ExpressionBuilder<MetadataSchema, 'repositories'>): Expression<SqlBool> {
  return eb.and([
    eb('repositories.trashed_at', 'is', null),
    eb.or([
      eb.exists(
        eb
          .selectFrom('manifests')
          .select('manifests.digest')
          .whereRef('repository_id', '=', 'repositories.id'),
      ),
      eb.exists(
        eb
          .selectFrom('repository_blobs')
          .select('repository_blobs.digest')
          .whereRef('repository_id', '=', 'repositories.id'),
      ),
    ]),
  ])
}

/** Id of a repository that holds content; undefined if there is none of this name. */
export async function findHeldRepository(db: Reads, name: RepositoryName): Promise<number | undefined> {
  const row = await db
    .selectFrom('repositories')
    .select('id')
    .where('name', '=', name)
    .where(holdsContent)
    .executeTakeFirst()
  return row?.id
}
