import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { TagEnd } from './schema.ts'

/** A period in which a tag points, or pointed, at one manifest. */
export interface TagPeriod {
  readonly name: Tag
  readonly digest: Digest
  readonly from: Date
  /** Name of the account; undefined: unknown. */
  readonly by: string | undefined
  /** Undefined: until now. */
  readonly end: { readonly at: Date; readonly by: string | undefined; readonly how: TagEnd } | undefined
}

/** A tag as it stood at a time. */
export interface TagAt {
  readonly name: Tag
  readonly digest: Digest
  /** Since when it pointed at that manifest. */
  readonly from: Date
  /** Name of the account that set it; undefined: unknown. */
  readonly by: string | undefined
  /** When it no longer did; undefined: it still does. */
  readonly until: Date | undefined
  /** State of the manifest now: 'deleted' can be restored, 'gone' cannot. */
  readonly content: 'stored' | 'deleted' | 'gone'
}

/** Tags of a repository at a time; `knownFrom`: what there was at that time is forgotten, and known from this one on. */
export type TagsAt =
  | {
      readonly tags: readonly TagAt[]
      /** When the whole repository was deleted; undefined: it was not, or is restored. */
      readonly deletedAt: Date | undefined
      readonly knownFrom?: undefined
    }
  | { readonly knownFrom: Date }

/** A deleted repository, or a manifest deleted by itself. */
export interface TrashedContent {
  readonly repository: RepositoryName
  /** Undefined: the whole repository. */
  readonly digest: Digest | undefined
  readonly at: Date
  /** Name of the account; undefined: unknown. */
  readonly by: string | undefined
  /** Tags of the manifest when it was deleted, at most 100; of a repository none are listed. */
  readonly tags: readonly Tag[]
  /** Why it is kept longer, for people: containers that run it; undefined: it is not. */
  readonly inUse: string | undefined
}

/** History of tags, and what was deleted and is still kept. Errors of all: as of `Metadata`. */
export interface RestoreFacts {
  /** Periods of one tag, or of all, the latest end first; at most `limit`. Undefined if there is no such repository. */
  listTagPeriods(
    repository: RepositoryName,
    selection: { tag?: Tag | undefined; limit: number },
  ): Promise<TagPeriod[] | undefined>
  /**
   * All tags as they stood at a time, by name, `last` exclusive, also of a repository that was deleted since and can be
   * restored. Undefined if no repository is known that had this name then.
   */
  listTagsAt(
    repository: RepositoryName,
    selection: { readonly at: Date; readonly limit: number; readonly last: string | undefined },
  ): Promise<TagsAt | undefined>
  /**
   * Points a tag at a manifest that it has pointed at before: the given one, or else that of its last period that
   * ended. A manifest in the trash comes back for it. 'unknown': no such period; 'gone': the manifest was removed.
   */
  restoreTag(
    target: { repository: RepositoryName; tag: Tag; digest?: Digest | undefined },
    by?: string,
  ): Promise<{ readonly digest: Digest } | 'unknown' | 'gone'>
  /** Deleted repositories and manifests, the latest first; at most `limit`. */
  listTrash(limit: number): Promise<TrashedContent[]>
  /** Takes a manifest out of the trash, with the tags that went with it and exist no more. False if it is not there. */
  restoreManifest(repository: RepositoryName, digest: Digest, by?: string): Promise<boolean>
  /**
   * Takes the repository that was deleted last under a name out of the trash, as `newName` if given. 'taken': another
   * one with content has that name.
   */
  restoreRepository(
    name: RepositoryName,
    options?: { newName?: RepositoryName | undefined; by?: string | undefined },
  ): Promise<'restored' | 'unknown' | 'taken'>
  /** Lets all that is in the trash be removed by the next collection. Returns the number of its entries. */
  emptyTrash(by?: string): Promise<number>
}
