import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'

/** Part of a list in the order of its keys: at most `limit` entries after `after`. */
export interface LeavePage {
  readonly after: string
  readonly limit: number
}

/** Content of a repository. */
interface HeldContent {
  readonly digest: Digest
  /** Time of its push, in milliseconds since 1970. */
  readonly at: number
}

/** All facts that another registry can have, in pages. Deleted content is not among them. Errors of all: as of `Metadata`. */
export interface LeaveFacts {
  /** Repositories that hold a blob or a manifest. */
  listHolders(page: LeavePage): Promise<RepositoryName[]>
  listBlobs(repository: RepositoryName, page: LeavePage): Promise<HeldContent[]>
  listManifests(
    repository: RepositoryName,
    page: LeavePage,
  ): Promise<(HeldContent & { readonly hasSubject: boolean })[]>
  listTags(repository: RepositoryName, page: LeavePage): Promise<(HeldContent & { readonly name: Tag })[]>
  /** Those of at most 500 tags that the repository has. */
  findTags(repository: RepositoryName, names: readonly Tag[]): Promise<Set<Tag>>
}
