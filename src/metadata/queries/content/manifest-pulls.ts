import type { Database } from '../../../database/database.ts'
import type { Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { MetadataSchema } from '../../schema.ts'
import { recordPulled } from '../manifest-uses.ts'
import { findRepositoryId, type Writes } from '../repositories.ts'

/** Pulls written in one transaction. */
const BATCH = 500

interface Pulled {
  readonly repository: RepositoryName
  readonly digest: Digest
}

/** Records the time as that of the last pull and use of manifests that are still there. */
export async function recordPulls(
  { transaction }: Database<MetadataSchema>,
  pulled: readonly Pulled[],
  now: number,
): Promise<void> {
  const byRepository = new Map<RepositoryName, Digest[]>()
  for (const { repository, digest } of pulled) {
    const digests = byRepository.get(repository) ?? []
    digests.push(digest)
    byRepository.set(repository, digests)
  }
  for (const [repository, digests] of byRepository) {
    for (let at = 0; at < digests.length; at += BATCH) {
      const batch = digests.slice(at, at + BATCH)
      await transaction((tx) => recordPresent(tx, { repository, digests: batch, now }))
    }
  }
}

async function recordPresent(
  tx: Writes,
  { repository, digests, now }: { repository: RepositoryName; digests: readonly Digest[]; now: number },
): Promise<void> {
  const repositoryId = await findRepositoryId(tx, repository)
  if (repositoryId === undefined) return
  const present = await tx
    .selectFrom('manifests')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', digests)
    .execute()
  await recordPulled(tx, repositoryId, { digests: present.map(({ digest }) => digest), at: now })
}
