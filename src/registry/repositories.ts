import type { RestoreFacts, TagPeriod, TrashedContent } from '../metadata/restore-facts.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'

/** A repository in a list. */
export interface RepositorySummary {
  readonly name: RepositoryName
  readonly tagCount: number
  readonly manifestCount: number
  /** Bytes of all manifests and blobs this repository names, each counted once. */
  readonly sizeBytes: number
  readonly createdAt: Date
  /** Newest change of a tag; undefined without tags. */
  readonly updatedAt: Date | undefined
}

/** A tag in a list. */
export interface TagSummary {
  readonly name: Tag
  readonly digest: Digest
  readonly mediaType: string
  /** Length of the manifest in bytes. */
  readonly manifestSizeBytes: number
  readonly updatedAt: Date
}

/** Operations of the operator's commands on repositories, with an administrator's rights. */
export interface RepositoryManager {
  /** A page of all repositories, by name. `last` is exclusive; `limit` 1 to 1000. */
  list(page: { limit: number; last?: string }): Promise<RepositorySummary[]>
  /** Undefined if there is none of this name. */
  show(name: RepositoryName): Promise<RepositorySummary | undefined>
  /** Removes the repository with its tags, manifests and links; false if there was none. Bytes go later. */
  delete(name: RepositoryName): Promise<boolean>
  /** A page of tags, by name; undefined if the repository does not exist. */
  listTags(name: RepositoryName, page: { limit: number; last?: string }): Promise<TagSummary[] | undefined>
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
