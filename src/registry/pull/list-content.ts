import type { RepositoryFacts, RepositoryFilter } from '../../metadata/metadata.ts'
import { OciError } from '../../oci/errors.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { PageRequest } from '../../oci/request.ts'

/** Most entries of one page, also if `n` is absent: about 1 MiB of the longest tags. */
export const MAX_PAGE_ENTRIES = 10_000

/** Part of a list. */
export interface ListPage<T> {
  readonly entries: readonly T[]
  /** The `last` of the page that follows; undefined: this is the last one. */
  readonly next: string | undefined
}

/** Lists in the order of the names' bytes. */
export interface ListContent {
  /** Errors: `NAME_UNKNOWN`. */
  listTags(repository: RepositoryName, page: PageRequest): Promise<ListPage<Tag>>
  /** Only repositories inside `visible`. */
  listRepositories(visible: RepositoryFilter, page: PageRequest): Promise<ListPage<RepositoryName>>
}

/** Creates the use-cases of listing. */
export function createListContent({
  metadata,
}: {
  metadata: Pick<RepositoryFacts, 'listTags' | 'listRepositories'>
}): ListContent {
  return {
    async listTags(repository, page) {
      const tags = await metadata.listTags(repository, oneMoreThan(page))
      if (tags === undefined) throw new OciError('NAME_UNKNOWN', { detail: { name: repository } })
      return cutPage(tags, page)
    },
    async listRepositories(visible, page) {
      return cutPage(await metadata.listRepositories(visible, oneMoreThan(page)), page)
    },
  }
}

function boundSize(page: PageRequest): number {
  return Math.min(page.n ?? MAX_PAGE_ENTRIES, MAX_PAGE_ENTRIES)
}

/** One entry beyond the page shows that another page follows. */
function oneMoreThan(page: PageRequest): { limit: number; last: string | undefined } {
  return { limit: boundSize(page) + 1, last: page.last }
}

function cutPage<T extends string>(found: readonly T[], page: PageRequest): ListPage<T> {
  const size = boundSize(page)
  const entries = found.slice(0, size)
  return { entries, next: found.length > size ? entries.at(-1) : undefined }
}
