import type { Metadata } from '../metadata/metadata.ts'
import type { RankedRepository, RepositoryOrder, SizeFacts } from '../metadata/size-facts.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type {
  RepositoryManager,
  RepositoryPosition,
  RepositorySummary,
  SizedTag,
  TagSummary,
} from './repositories.ts'

/** Shown as the author of changes by commands; no account can have it, as names have no brackets. */
export const BY_COMMAND = '(command)'

/** {@link RepositoryManager} over the facts. `by`: author of the changes. */
export function createRepositoryManager(
  metadata: Metadata,
  sizes: SizeFacts,
  by: string = BY_COMMAND,
): RepositoryManager {
  return {
    async list({ limit, order = 'name', after, within, visible }) {
      const rows = await sizes.rankRepositories({
        order,
        limit,
        filter: within === undefined ? (visible ?? 'all') : { namespace: within },
        after: after && { name: after.name, rank: RANKS[order](after) },
      })
      return rows.map(toSummary)
    },
    async show(name) {
      const [row] = await sizes.rankRepositories({ order: 'name', limit: 1, filter: { names: [name] } })
      if (!row) return undefined
      const { bytes, repositoryCount, ...reasons } = await sizes.sizeScope({ repository: name })
      return { ...toSummary(row), ...reasons }
    },
    listNamespaces: ({ limit, last }) => sizes.listNamespaces({ limit, last }),
    size: (scope) => sizes.sizeScope(scope),
    findUse: (namespace) => sizes.findUse(namespace),
    findDueBytes: () => sizes.findDueBytes(),
    requireDeletable: (name) => metadata.requireDeletable(name),
    delete: (name) => metadata.deleteRepository(name, by),
    async listTags(name, { limit, last }) {
      const rows = await metadata.describeTags(name, { limit, last })
      return rows?.map(({ size, ...row }) => ({ ...row, manifestSizeBytes: size }))
    },
    async findTag(name, tag) {
      const [row] = (await metadata.describeTags(name, { limit: 1, last: undefined, only: tag })) ?? []
      if (!row) return undefined
      const { size, ...found } = row
      return { ...found, manifestSizeBytes: size }
    },
    sizeTags: (name, tags) => sizeTags(sizes, name, tags),
    sizeRemoval: (removal) => sizes.sizeRemoval(removal),
    deleteManifest: (name, digest) => metadata.deleteManifest(name, digest, by),
    checkManifestDeletion: (name, digest) => metadata.checkManifestDeletion(name, digest),
    deleteTag: (name, tag) => metadata.deleteTag(name, tag, by),
    listTagPeriods: (name, selection) => metadata.listTagPeriods(name, selection),
    listTagsAt: (name, { at, limit, last }) => metadata.listTagsAt(name, { at, limit, last }),
    restoreTag: (target) => metadata.restoreTag(target, by),
    listTrash: (limit) => metadata.listTrash(limit),
    restoreManifest: (name, digest) => metadata.restoreManifest(name, digest, by),
    restore: (name, { newName }) => metadata.restoreRepository(name, { newName, by }),
    emptyTrash: () => metadata.emptyTrash(by),
  }
}

/** Tags whose sizes are computed at once: their images are in memory for that time. */
const TAGS_AT_ONCE = 100

async function sizeTags(
  sizes: SizeFacts,
  name: RepositoryName,
  tags: readonly TagSummary[],
): Promise<SizedTag[]> {
  const sized: SizedTag[] = []
  for (let at = 0; at < tags.length; at += TAGS_AT_ONCE) {
    const some = tags.slice(at, at + TAGS_AT_ONCE)
    const found = await sizes.sizeTags(name, some)
    for (const tag of some) {
      const { bytes = 0, uniqueBytes = 0 } = found.get(tag.name) ?? {}
      sized.push({ ...tag, sizeBytes: bytes, uniqueBytes })
    }
  }
  return sized
}

const RANKS: Readonly<Record<RepositoryOrder, (position: RepositoryPosition) => number>> = {
  name: () => 0,
  size: ({ sizeBytes }) => sizeBytes,
  pushed: ({ updatedAt }) => updatedAt?.getTime() ?? 0,
  pulled: ({ usedAt }) => usedAt?.getTime() ?? 0,
}

function toSummary(row: RankedRepository): RepositorySummary {
  const { name, tagCount, manifestCount, createdAt, usedAt } = row
  return {
    name,
    tagCount,
    manifestCount,
    sizeBytes: row.bytes,
    uniqueBytes: row.uniqueBytes,
    createdAt,
    updatedAt: row.pushedAt,
    usedAt,
  }
}
