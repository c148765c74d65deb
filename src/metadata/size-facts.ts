import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Page, RepositoryFilter } from './metadata.ts'

/** Bytes of stored content, each digest once. What others share is the rest. */
export interface Sizes {
  readonly bytes: number
  /** Bytes that nothing else holds: they would be freed if it alone went. */
  readonly uniqueBytes: number
}

/** Orders of a list of repositories: by name, or the largest or latest first. */
export const REPOSITORY_ORDERS = ['name', 'size', 'pushed', 'pulled'] as const
export type RepositoryOrder = (typeof REPOSITORY_ORDERS)[number]

/** Repositories in an order. */
export interface RankedPage {
  readonly order: RepositoryOrder
  readonly limit: number
  /** The rank and the name of the last entry of the page before. */
  readonly after?: { readonly rank: number; readonly name: string } | undefined
  /** By default all. */
  readonly filter?: RepositoryFilter | { readonly namespace: string }
}

/** A repository with its totals. */
export interface RankedRepository extends Sizes {
  readonly name: RepositoryName
  /** Value by which the list is ordered: bytes, or a time in milliseconds; 0 by name. With the name it leads to the next page. */
  readonly rank: number
  readonly tagCount: number
  readonly manifestCount: number
  readonly createdAt: Date
  /** Last push of a tag; undefined without tags. */
  readonly pushedAt: Date | undefined
  /** Last pull or push of a manifest; undefined if none is recorded. */
  readonly usedAt: Date | undefined
}

/** Repositories whose sizes are added up. */
export type SizeScope = 'all' | { readonly namespace: string } | { readonly repository: RepositoryName }

/** Content of the repositories of a scope, deleted ones that can be restored included. Each digest counts once. */
export interface ScopeSizes extends Sizes {
  /** Repositories that were not deleted. */
  readonly repositoryCount: number
  /** Content of images without a tag: those that no tag's image needs. */
  readonly untaggedBytes: number
  /** Blobs that no image names: of pushes that are under way or were given up. */
  readonly unnamedBytes: number
  /** Content that only deleted images and repositories need. */
  readonly trashBytes: number
  /** Bytes of upload sessions, and their number. */
  readonly uploadBytes: number
  readonly uploadCount: number
}

/** Content that goes together: repositories, at most 10,000; tags of one; or a manifest with all its tags. */
export type Removal =
  | { readonly repositories: readonly RepositoryName[] }
  | { readonly repository: RepositoryName; readonly tags: readonly Tag[] }
  | { readonly repository: RepositoryName; readonly manifest: Digest }

/** A namespace: the first segment of names. */
export interface NamespaceSizes extends Sizes {
  readonly name: string
  /** Repositories that were not deleted. */
  readonly repositoryCount: number
}

/** Sizes of stored content. Errors of all: as of `Metadata`. */
export interface SizeFacts {
  /** A page of the repositories that hold content, in an order. Sizes are kept up by the changes themselves. */
  rankRepositories(page: RankedPage): Promise<RankedRepository[]>
  /** Sizes of tags, by name: of their images, the images of an index, and referrers. At most 1,000 tags. */
  sizeTags(
    repository: RepositoryName,
    tags: readonly { readonly name: Tag; readonly digest: Digest }[],
  ): Promise<ReadonlyMap<Tag, Sizes>>
  /** Bytes that nothing holds any more once all of a removal is gone. Computed. */
  sizeRemoval(removal: Removal): Promise<number>
  /** A page of namespaces, by name. Computed: it reads all that they hold. */
  listNamespaces(page: Page): Promise<NamespaceSizes[]>
  /** Content of a scope by the reasons for which it is kept. Computed: it reads all that it holds. */
  sizeScope(scope: SizeScope): Promise<ScopeSizes>
  /** Use of a namespace as its quota counts it. Computed. */
  findUse(namespace: string): Promise<{ readonly bytes: number; readonly repositories: number }>
  /** Bytes in the store that no repository holds any more: they are to be removed. */
  findDueBytes(): Promise<number>
  /** Number of open upload sessions. */
  countUploads(): Promise<number>
  /** Adds changes of sizes to their sums, at most `limit`. Returns their number. */
  foldSizes(limit: number): Promise<number>
}
