import type { Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { findImmutableTags } from '../policies/immutable-tags.ts'
import type { InUseManager } from './manage-in-use.ts'
import type { PolicyManager } from './manage-policies.ts'
import type { RepositoryManager, SizedTag, TagSummary } from './repositories.ts'

/** A tag with the reasons for which it is not removed. */
export interface ListedTag extends SizedTag {
  /** The pattern that makes it immutable. */
  readonly immutable: string | null
  /** Text about the pin of its manifest, or a container that runs it. */
  readonly inUse: string | null
}

/** Lists of tags. */
export interface TagLister {
  /** A page of tags, by name, `last` exclusive; undefined if the repository does not exist. */
  list(
    repository: RepositoryName,
    page: { limit: number; last?: string | undefined },
  ): Promise<ListedTag[] | undefined>
  /** One of them; undefined if there is none. */
  find(repository: RepositoryName, name: Tag): Promise<ListedTag | undefined>
}

/** Dependencies of {@link createTagLister}. */
interface TagListerParts {
  readonly repositories: Pick<RepositoryManager, 'listTags' | 'findTag' | 'sizeTags'>
  readonly policies: Pick<PolicyManager, 'read'>
  readonly inUse: Pick<InUseManager, 'describe'>
}

/** {@link TagLister} over other operations. */
export function createTagLister(parts: TagListerParts): TagLister {
  const { repositories } = parts
  return {
    async list(repository, { limit, last }) {
      const tags = await repositories.listTags(repository, { limit, ...(last !== undefined && { last }) })
      return tags && describe(repository, tags, parts)
    },
    async find(repository, name) {
      const tag = await repositories.findTag(repository, name)
      return tag && (await describe(repository, [tag], parts))[0]
    },
  }
}

async function describe(
  repository: RepositoryName,
  tags: readonly TagSummary[],
  { repositories, policies, inUse }: TagListerParts,
): Promise<ListedTag[]> {
  const immutable = findImmutableTags((await policies.read()).document, repository)
  const used = await inUse.describe(repository, [...new Set(tags.map(({ digest }) => digest))])
  const sized = await repositories.sizeTags(repository, tags)
  return sized.map((tag) => ({
    ...tag,
    immutable: immutable?.findPattern(tag.name) ?? null,
    inUse: used.get(tag.digest)?.why ?? null,
  }))
}
