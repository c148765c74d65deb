import type { Digest } from '../oci/digest.ts'
import type { Manifest } from '../oci/manifest.ts'
import type { Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'

/** A stored blob to which a repository has a right. */
export interface AdoptedBlob {
  readonly digest: Digest
  /** In bytes. */
  readonly size: number
  /** Time at which the repository got it, in milliseconds since 1970. */
  readonly at: number
}

/** A stored manifest of a repository. */
export interface AdoptedManifest {
  readonly digest: Digest
  readonly manifest: Manifest
  readonly bytes: Uint8Array
  /** Time of its push, in milliseconds since 1970. */
  readonly at: number
}

/** A tag of a repository. */
export interface AdoptedTag {
  readonly name: Tag
  readonly digest: Digest
  /** Time since which it points there, in milliseconds since 1970. */
  readonly at: number
}

/** Result for one blob. */
export type BlobOutcome =
  | 'adopted'
  | 'known'
  /** Its bytes are being removed: it can be taken over if they are there later. */
  | 'being-removed'

/** Result for one manifest. */
export type ManifestOutcome =
  | { readonly kind: 'adopted' | 'known' }
  /** An index that lacks some of its content, and was taken over all the same. */
  | { readonly kind: 'incomplete'; readonly missing: Digest }
  /** Content that it needs is not in the repository, or has another size: nothing was changed. */
  | { readonly kind: 'lacking' | 'missized'; readonly missing: Digest }
  /** It was deleted here after it was pushed there. */
  | { readonly kind: 'deleted-here' }
  | { readonly kind: 'being-removed' }

/** Result for one tag. */
export type TagOutcome =
  | 'adopted'
  | 'known'
  /** It pointed at another manifest here, since an earlier time: that period is in its history. */
  | 'moved'
  /** It points at another manifest here, since a later time, or is immutable: that of the link is in its history. */
  | 'kept-here'
  /** It was deleted here after it was pushed there. */
  | 'deleted-here'
  /** The repository does not have its manifest. */
  | 'no-manifest'

/** Rules for manifests that lack content. */
export interface AdoptManifestRules {
  /** An index that has some of its children counts, and so does one without any if nothing else is required. */
  readonly takesIncomplete: boolean
  /** Every manifest counts, whatever it lacks. */
  readonly isSparseAllowed: boolean
}

/** Content of a repository. */
export interface AdoptedRepository {
  /** False: a part of it, so that what it lacks or does not name may be in another part; nothing of it is queued. */
  readonly isWhole: boolean
  readonly name: RepositoryName
  readonly blobs: readonly AdoptedBlob[]
  readonly manifests: readonly AdoptedManifest[]
  readonly tags: readonly AdoptedTag[]
}

/** Outcomes for one repository, in the order of its content. */
export interface RepositoryOutcome {
  readonly blobs: readonly BlobOutcome[]
  readonly manifests: readonly ManifestOutcome[]
  readonly tags: readonly TagOutcome[]
}

/**
 * Facts of another registry that are taken over. All can be called again: what is known changes nothing. Content is used
 * from the time of the call on, so that nothing goes at once. A call has at most 500 entries, since it is one transaction. Errors of all: as of `Metadata`.
 */
export interface AdoptFacts {
  /** Those of at most 500 blobs that the repository holds. */
  findKnownBlobs(repository: RepositoryName, digests: readonly Digest[]): Promise<Set<Digest>>
  /** Those of at most 500 manifests that the repository holds. */
  findKnownManifests(repository: RepositoryName, digests: readonly Digest[]): Promise<Set<Digest>>
  /** Records manifests, whose bytes are stored; in their order. */
  adoptManifests(
    repository: RepositoryName,
    manifests: readonly AdoptedManifest[],
    rules: AdoptManifestRules,
  ): Promise<ManifestOutcome[]>
  /** Sets tags; in their order. `by`: for their history. */
  adoptTags(repository: RepositoryName, tags: readonly AdoptedTag[], by: string): Promise<TagOutcome[]>
  /**
   * Takes over repositories, of any number of entries, in one transaction: an index after its images, and
   * incomplete ones as with `takesIncomplete`. What nothing in them names is queued. See `isWhole` for parts of one.
   */
  adoptRepositories(
    repositories: readonly AdoptedRepository[],
    options: { readonly isSparseAllowed: boolean; readonly by: string },
  ): Promise<RepositoryOutcome[]>
  /** The outcomes of {@link adoptTags} for tags whose manifests are there; it changes nothing. */
  previewTags(repository: RepositoryName, tags: readonly AdoptedTag[]): Promise<TagOutcome[]>
  /** Time at which a repository of this name was deleted last, in ms since 1970; undefined: none is in the trash. */
  findDeletion(repository: RepositoryName): Promise<number | undefined>
  /**
   * Queues manifests without a tag and blobs in no manifest, so that they go when they are not used; what is queued already keeps its
   * time.
   */
  queueUnneeded(repository: RepositoryName): Promise<void>
  /** Called once all is taken over: as of `Database`. */
  analyze(): Promise<void>
}
