import type { Database } from '../../database/database.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { enqueue } from '../queries/collection-queue.ts'
import { findRepositoryId, type Reads } from '../queries/repositories.ts'
import type { MetadataSchema } from '../schema.ts'

/** Rows of one transaction. */
const BATCH = 500

/** Queues what nothing in a repository names: manifests without a tag, and blobs in no manifest. */
export async function queueUnneeded(
  { read, transaction }: Database<MetadataSchema>,
  { repository, now }: { repository: RepositoryName; now: number },
): Promise<void> {
  const repositoryId = await findRepositoryId(read, repository)
  if (repositoryId === undefined) return
  for (const { kind, reason, list } of LISTS) {
    for (let after = ''; ; ) {
      const digests = await list(read, { repositoryId, after })
      const last = digests.at(-1)
      if (last === undefined) break
      const keys = digests.map((digest) => ({ kind, repositoryId, digest }))
      await transaction((tx) => enqueue(tx, keys, { since: now, reason, keepsEarlier: true }))
      after = last
    }
  }
}

interface Page {
  readonly repositoryId: number
  readonly after: string
}

const LISTS = [
  { kind: 'manifest', reason: 'untagged', list: listUntagged },
  { kind: 'link', reason: 'unnamed', list: listUnnamed },
] as const

async function listUntagged(db: Reads, { repositoryId, after }: Page): Promise<string[]> {
  const rows = await db
    .selectFrom('manifests')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', '>', after)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('tags')
            .select('tags.name')
            .whereRef('tags.repository_id', '=', 'manifests.repository_id')
            .whereRef('tags.digest', '=', 'manifests.digest'),
        ),
      ),
    )
    .orderBy('digest')
    .limit(BATCH)
    .execute()
  return rows.map(({ digest }) => digest)
}

async function listUnnamed(db: Reads, { repositoryId, after }: Page): Promise<string[]> {
  const rows = await db
    .selectFrom('repository_blobs')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', '>', after)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('manifest_references')
            .select('manifest_references.digest')
            .whereRef('manifest_references.repository_id', '=', 'repository_blobs.repository_id')
            .whereRef('manifest_references.digest', '=', 'repository_blobs.digest')
            .where('manifest_references.kind', '=', 'blob'),
        ),
      ),
    )
    .orderBy('digest')
    .limit(BATCH)
    .execute()
  return rows.map(({ digest }) => digest)
}
