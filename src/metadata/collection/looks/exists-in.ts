import type { Reads } from '../../queries/repositories.ts'

/** Tables with a repository and a digest in each row. */
type Holding = 'tags' | 'manifests' | 'manifest_references' | 'trashed_manifests' | 'trashed_references'

/** True if a table has a row of the repository, or of any, with the digest, and of a kind of reference if one is given. */
export async function existsIn(
  db: Reads,
  table: Holding,
  { repositoryId, digest, kind }: { repositoryId?: number; digest: string; kind?: 'blob' | 'child' },
): Promise<boolean> {
  let query = db.selectFrom(table).select('digest').where('digest', '=', digest)
  if (repositoryId !== undefined) query = query.where('repository_id', '=', repositoryId)
  if (kind !== undefined) query = query.where('kind' as 'digest', '=', kind)
  return (await query.limit(1).executeTakeFirst()) !== undefined
}
