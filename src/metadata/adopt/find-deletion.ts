import type { RepositoryName } from '../../oci/repository-name.ts'
import type { Reads } from '../queries/repositories.ts'

/** Time at which a repository of this name was deleted last, in ms since 1970; undefined: none is in the trash. */
export async function findDeletion(db: Reads, name: RepositoryName): Promise<number | undefined> {
  const row = await db
    .selectFrom('repositories')
    .select(({ fn }) => fn.max<number | null>('trashed_at').as('trashed_at'))
    .where('trashed_name', '=', name)
    // Those in the trash are few, and this condition has an index.
    .where('trashed_at', '>=', 0)
    .executeTakeFirst()
  const at = row?.trashed_at ?? undefined
  return at === undefined ? undefined : Number(at)
}
