import type { RepositoryFilter } from '../metadata/metadata.ts'
import type { RestoreFacts, TagPeriod, TagsAt, TrashedContent } from '../metadata/restore-facts.ts'
import type {
  NamespaceSizes,
  Removal,
  RepositoryOrder,
  ScopeSizes,
  SizeScope,
} from '../metadata/size-facts.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'

export type { TagAt } from '../metadata/restore-facts.ts'
export { REPOSITORY_ORDERS, type RepositoryOrder } from '../metadata/size-facts.ts'

/** A repository in a list. */
export interface RepositorySummary {
  readonly name: RepositoryName
  readonly tagCount: number
  readonly manifestCount: number
  /** Bytes of all blobs and manifests that it holds, deleted ones that can be restored included, each once. */
  readonly sizeBytes: number
  /** Bytes of those that no other repository holds: freed if it alone went. */
  readonly uniqueBytes: number
  readonly createdAt: Date
  /** Last push of a tag; undefined without tags. */
  readonly updatedAt: Date | undefined
  /** Last pull or push of an image; undefined if none is recorded. */
  readonly usedAt: Date | undefined
}

/** Place of a repository in a list of any order. */
export type RepositoryPosition = Pick<RepositorySummary, 'name' | 'sizeBytes' | 'updatedAt' | 'usedAt'>

/** A repository with the reasons for which its content is kept. */
type RepositoryReport = RepositorySummary &
  Pick<ScopeSizes, 'untaggedBytes' | 'unnamedBytes' | 'trashBytes' | 'uploadBytes' | 'uploadCount'>

/** A tag in a list. */
export interface TagSummary {
  readonly name: Tag
  readonly digest: Digest
  readonly mediaType: string
  /** Length of the manifest in bytes. */
  readonly manifestSizeBytes: number
  readonly updatedAt: Date
}

/** A tag with the sizes of its image. */
export interface SizedTag extends TagSummary {
  /** Bytes of the whole image: of an index with its images, and with referrers. */
  readonly sizeBytes: number
  /** Bytes that would be freed if this tag alone went. */
  readonly uniqueBytes: number
}

/** Operations of the operator's commands on repositories, with an administrator's rights. */
export interface RepositoryManager {
  /** A page of repositories, by default by name. `after`: the last one of the page before; `limit` 1 to 1000. */
  list(page: {
    limit: number
    order?: RepositoryOrder
    after?: RepositoryPosition | undefined
    /** Only those of a namespace. */
    within?: string
    /** In place of `within`: only those that an account sees. */
    visible?: RepositoryFilter
  }): Promise<RepositorySummary[]>
  /** Undefined if there is none of this name. */
  show(name: RepositoryName): Promise<RepositoryReport | undefined>
  /** A page of namespaces, the first segments of names. `last` is exclusive; `limit` 1 to 1000. */
  listNamespaces(page: { limit: number; last?: string | undefined }): Promise<NamespaceSizes[]>
  /** Content of repositories by the reasons for which it is kept. */
  size(scope: SizeScope): Promise<ScopeSizes>
  /** Use of a namespace as its quota counts it. */
  findUse(namespace: string): Promise<{ readonly bytes: number; readonly repositories: number }>
  /** Bytes in the store that no repository holds any more. */
  findDueBytes(): Promise<number>
  /** Errors: `OciError` `DENIED` if its deletion would be refused, as of immutable tags and pinned manifests. */
  requireDeletable(name: RepositoryName): Promise<void>
  /** Removes the repository with its tags, manifests and links; false if there was none. Bytes go later. */
  delete(name: RepositoryName): Promise<boolean>
  /** A page of tags, by name; undefined if the repository does not exist. */
  listTags(name: RepositoryName, page: { limit: number; last?: string }): Promise<TagSummary[] | undefined>
  /** One tag; undefined if there is none. */
  findTag(name: RepositoryName, tag: Tag): Promise<TagSummary | undefined>
  /** Adds sizes to tags of a repository. */
  sizeTags(name: RepositoryName, tags: readonly TagSummary[]): Promise<SizedTag[]>
  /** Bytes that nothing holds any more once all of a removal is gone. */
  sizeRemoval(removal: Removal): Promise<number>
  /** Removes a manifest and the tags that point at it, unless an index names it. Bytes go later. */
  deleteManifest(name: RepositoryName, digest: Digest): Promise<'removed' | 'unknown' | 'in-use'>
  /** Outcome and errors (`DENIED`) of {@link deleteManifest}; changes nothing. */
  checkManifestDeletion(name: RepositoryName, digest: Digest): Promise<'removable' | 'unknown' | 'in-use'>
  /** Removes one tag; its manifest stays. False if there was none. */
  deleteTag(name: RepositoryName, tag: Tag): Promise<boolean>
  /**
   * Periods of one tag, or of all, the present ones and then the latest; at most `limit`. Undefined if there is no such
   * repository.
   */
  listTagPeriods(
    name: RepositoryName,
    selection: { tag?: Tag | undefined; limit: number },
  ): Promise<TagPeriod[] | undefined>
  /** A page of all tags as they stood at a time, `last` exclusive; see {@link RestoreFacts.listTagsAt}. */
  listTagsAt(
    name: RepositoryName,
    selection: { at: Date; limit: number; last?: string | undefined },
  ): Promise<TagsAt | undefined>
  /** Points a tag at a manifest that it has pointed at before; see {@link RestoreFacts.restoreTag}. */
  restoreTag(target: {
    repository: RepositoryName
    tag: Tag
    digest?: Digest | undefined
  }): Promise<{ readonly digest: Digest } | 'unknown' | 'gone'>
  /** Deleted content that can be restored, the latest first; at most `limit`. */
  listTrash(limit: number): Promise<TrashedContent[]>
  /** Takes a manifest out of the trash, with the tags that it had. False if it is not there. */
  restoreManifest(name: RepositoryName, digest: Digest): Promise<boolean>
  /** Takes a repository out of the trash; 'taken': another one has that name. */
  restore(
    name: RepositoryName,
    options: { newName?: RepositoryName | undefined },
  ): Promise<'restored' | 'unknown' | 'taken'>
  /** Lets all that is in the trash be removed by the next collection; the number of its entries. */
  emptyTrash(): Promise<number>
}
