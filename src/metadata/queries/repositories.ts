import type { Kysely, Transaction } from 'kysely'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { Schema } from '../schema.ts'

/** A reader, the writer or a transaction of it. */
export type Queries = Kysely<Schema> | Transaction<Schema>

/** The row's id; undefined if there is no such repository. */
export async function findRepositoryId(db: Queries, name: RepositoryName): Promise<number | undefined> {
  const row = await db.selectFrom('repositories').select('id').where('name', '=', name).executeTakeFirst()
  return row?.id
}

/** The row's id, made if need be. */
export async function ensureRepository(db: Queries, name: RepositoryName, now: number): Promise<number> {
  const found = await findRepositoryId(db, name)
  if (found !== undefined) return found
  const row = await db
    .insertInto('repositories')
    .values({ name, created_at: now })
    .returning('id')
    .executeTakeFirstOrThrow()
  return row.id
}

/** Removes the row of a repository that holds nothing any more, so that it is no longer listed. */
export async function dropIfEmpty(db: Queries, id: number): Promise<void> {
  await db
    .deleteFrom('repositories')
    .where('id', '=', id)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('manifests').select('digest').where('repository_id', '=', id))),
    )
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('repository_blobs').select('digest').where('repository_id', '=', id))),
    )
    .execute()
}
