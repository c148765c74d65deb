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
}
