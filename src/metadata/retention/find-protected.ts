import type { RepositoryName } from '../../oci/repository-name.ts'
import { findInUse } from '../queries/in-use/find-in-use.ts'
import { findRepositoryId, type Reads } from '../queries/repositories.ts'

/** Those of the images that are pinned, or that a container runs, with the reason; at most 1,000. */
export async function findProtected(
  db: Reads,
  { repository, digests, now }: { repository: RepositoryName; digests: readonly string[]; now: number },
): Promise<ReadonlyMap<string, string>> {
  const repositoryId = await findRepositoryId(db, repository)
  if (repositoryId === undefined) return new Map()
  const inUse = await findInUse(db, { repositoryId, digests, now })
  return new Map([...inUse].map(([digest, { why }]) => [digest, why]))
}
