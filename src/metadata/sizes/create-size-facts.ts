import type { Database } from '../../database/database.ts'
import { countRepositories, sumUse } from '../queries/quotas/require-room.ts'
import { findRepositoryId } from '../queries/repositories.ts'
import type { MetadataSchema } from '../schema.ts'
import type { SizeFacts } from '../size-facts.ts'
import { foldSizes } from './fold-sizes.ts'
import { listNamespaces } from './list-namespaces.ts'
import { rankRepositories } from './rank-repositories.ts'
import { sizeRemoval } from './size-removal.ts'
import { findDueBytes, sizeScope } from './size-scope.ts'
import { sizeTags } from './size-tags.ts'

/** {@link SizeFacts} in SQL. */
export function createSizeFacts({ read, readLong, transaction }: Database<MetadataSchema>): SizeFacts {
  return {
    rankRepositories: (page) => rankRepositories(read, page),
    async sizeTags(repository, tags) {
      const repositoryId = await findRepositoryId(read, repository)
      return repositoryId === undefined ? new Map() : sizeTags(read, repositoryId, tags)
    },
    sizeRemoval: (removal) => sizeRemoval(read, removal),
    listNamespaces: (page) => listNamespaces(readLong, page),
    sizeScope: (scope) => sizeScope(readLong, scope),
    findUse: async (namespace) => ({
      bytes: await sumUse(read, namespace),
      repositories: await countRepositories(read, namespace),
    }),
    findDueBytes: () => findDueBytes(readLong),
    async countUploads() {
      const row = await read
        .selectFrom('uploads')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirst()
      return Number(row?.count ?? 0)
    },
    foldSizes: (limit) => transaction((tx) => foldSizes(tx, limit)),
  }
}
