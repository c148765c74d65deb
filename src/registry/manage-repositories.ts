import type { Metadata } from '../metadata/metadata.ts'
import type { RepositoryManager } from './repositories.ts'

/** Shown as the author of changes by commands; no account can have it, as names have no brackets. */
export const BY_COMMAND = '(command)'

/** {@link RepositoryManager} over the facts. */
export function createRepositoryManager(metadata: Metadata): RepositoryManager {
  return {
    list: ({ limit, last }) => metadata.describeRepositories({ limit, last }),
    async show(name) {
      const [row] = await metadata.describeRepositories({ limit: 1, last: undefined, only: name })
      return row
    },
    delete: (name) => metadata.deleteRepository(name, BY_COMMAND),
    async listTags(name, { limit, last }) {
      const rows = await metadata.describeTags(name, { limit, last })
      return rows?.map(({ size, ...row }) => ({ ...row, manifestSizeBytes: size }))
    },
    deleteTag: (name, tag) => metadata.deleteTag(name, tag, BY_COMMAND),
    listTagPeriods: (name, selection) => metadata.listTagPeriods(name, selection),
    restoreTag: (target) => metadata.restoreTag(target, BY_COMMAND),
    listTrash: (limit) => metadata.listTrash(limit),
    restoreManifest: (name, digest) => metadata.restoreManifest(name, digest, BY_COMMAND),
    restore: (name, { newName }) => metadata.restoreRepository(name, { newName, by: BY_COMMAND }),
    emptyTrash: () => metadata.emptyTrash(),
  }
}
