import type { Metadata } from '../metadata/metadata.ts'
import type { RepositoryManager } from './repositories.ts'

/** {@link RepositoryManager} over the facts. */
export function createRepositoryManager(metadata: Metadata): RepositoryManager {
  return {
    list: ({ limit, last }) => metadata.describeRepositories({ limit, last }),
    async show(name) {
      const [row] = await metadata.describeRepositories({ limit: 1, last: undefined, only: name })
      return row
    },
    delete: (name) => metadata.deleteRepository(name),
    async listTags(name, { limit, last }) {
      const rows = await metadata.describeTags(name, { limit, last })
      return rows?.map(({ size, ...row }) => ({ ...row, manifestSizeBytes: size }))
    },
    deleteTag: (name, tag) => metadata.deleteTag(name, tag),
  }
}
