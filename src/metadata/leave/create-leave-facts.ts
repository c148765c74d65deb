import type { Database } from '../../database/database.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { LeaveFacts } from '../leave-facts.ts'
import { holdsContent } from '../queries/repositories.ts'
import type { MetadataSchema } from '../schema.ts'

/** {@link LeaveFacts} in SQL. */
export function createLeaveFacts({ read }: Database<MetadataSchema>): LeaveFacts {
  return {
    async listHolders({ after, limit }) {
      const rows = await read
        .selectFrom('repositories')
        .select('name')
        .where(holdsContent)
        .where('name', '>', after)
        .orderBy('name')
        .limit(limit)
        .execute()
      return rows.map(({ name }) => name as RepositoryName)
    },
    async listBlobs(repository, { after, limit }) {
      const rows = await read
        .selectFrom('repository_blobs')
        .innerJoin('repositories', 'repositories.id', 'repository_blobs.repository_id')
        .select(['repository_blobs.digest', 'repository_blobs.created_at'])
        .where('repositories.name', '=', repository)
        .where('repository_blobs.digest', '>', after)
        .orderBy('repository_blobs.digest')
        .limit(limit)
        .execute()
      return rows.map((row) => ({ digest: row.digest as Digest, at: row.created_at }))
    },
    async listManifests(repository, { after, limit }) {
      const rows = await read
        .selectFrom('manifests')
        .innerJoin('repositories', 'repositories.id', 'manifests.repository_id')
        .select(['manifests.digest', 'manifests.created_at', 'manifests.subject'])
        .where('repositories.name', '=', repository)
        .where('manifests.digest', '>', after)
        .orderBy('manifests.digest')
        .limit(limit)
        .execute()
      return rows.map((row) => ({
        digest: row.digest as Digest,
        at: row.created_at,
        hasSubject: row.subject !== null,
      }))
    },
    async listTags(repository, { after, limit }) {
      const rows = await read
        .selectFrom('tags')
        .innerJoin('repositories', 'repositories.id', 'tags.repository_id')
        .select(['tags.name', 'tags.digest', 'tags.updated_at'])
        .where('repositories.name', '=', repository)
        .where('tags.name', '>', after)
        .orderBy('tags.name')
        .limit(limit)
        .execute()
      return rows.map((row) => ({ name: row.name as Tag, digest: row.digest as Digest, at: row.updated_at }))
    },
    async findTags(repository, names) {
      if (names.length === 0) return new Set()
      const rows = await read
        .selectFrom('tags')
        .innerJoin('repositories', 'repositories.id', 'tags.repository_id')
        .select('tags.name')
        .where('repositories.name', '=', repository)
        .where('tags.name', 'in', names)
        .execute()
      return new Set(rows.map(({ name }) => name as Tag))
    },
  }
}
