import type { Digest } from '../oci/digest.ts'
import type { Manifest } from '../oci/manifest.ts'
import type { Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { UploadId } from '../oci/request.ts'
import type { InUseFacts } from './in-use-facts.ts'
import type { PolicyFacts } from './policy-facts.ts'
import type { RestoreFacts } from './restore-facts.ts'
import type { SwitchFacts } from './switch-facts.ts'

/**
 * Facts about bytes. Each method is one transaction: all of it or nothing, durable when it returns, seen by every later
 * call of any process. Errors of all: `OciError` `STORAGE_FULL`, `UNAVAILABLE`.
 */

/**
 * Selected repositories: all, or those of these names and those whose name begins with a prefix (each ends in a slash;
 * the empty one has all), as far as `includes` confirms them.
 */
export type RepositoryFilter =
  | 'all'
  | {
      readonly names?: readonly string[]
      readonly prefixes?: readonly string[]
      /** By default all. */
      readonly includes?: (name: string) => boolean
    }

/** Part of a sorted list: at most `limit` entries after `last`. */
export interface Page {
  readonly limit: number
  readonly last: string | undefined
}

/** Blobs held by repositories. */
export interface BlobFacts {
  /** Size of a blob this repository may serve; undefined if it may not, also as its stored bytes are damaged. */
  findBlob(repository: RepositoryName, digest: Digest): Promise<{ readonly size: number } | undefined>
  /** True if this repository holds the blob, and does not serve it, as its stored bytes are damaged. */
  isQuarantined(repository: RepositoryName, digest: Digest): Promise<boolean>
  /** A repository inside the filter that holds the blob, `preferred` first; undefined if none does. */
  findHolder(
    digest: Digest,
    filter: RepositoryFilter,
    preferred?: RepositoryName,
  ): Promise<RepositoryName | undefined>
  /**
   * Announces that bytes of this digest are about to be stored, so that content the registry has had before is not
   * removed meanwhile. 'removing': its bytes are being removed at the moment; wait, then call it again.
   */
  claimBlob(digest: Digest): Promise<'claimed' | 'removing'>
  /**
   * Records that the repository holds the blob, whose bytes are durable, and ends the upload that brought it. False if
   * its bytes are being removed: nothing changes.
   */
  linkBlob(link: {
    repository: RepositoryName
    digest: Digest
    size: number
    upload?: UploadId
  }): Promise<boolean>
  /**
   * Size of a blob that the repository holds at this moment, for a client that will leave out sending it: the
   * repository keeps it for a while from now on. A call of a moment ago is not recorded again. Undefined if it does not
   * hold it; nothing remembered is used for the answer.
   */
  relyOnBlob(repository: RepositoryName, digest: Digest): Promise<{ readonly size: number } | undefined>
  /** Gives the repository the blob that `from` holds; false if it no longer does. */
  mountBlob(mount: { from: RepositoryName; repository: RepositoryName; digest: Digest }): Promise<boolean>
  /** Takes the blob from the repository, unless a manifest there names it. */
  unlinkBlob(repository: RepositoryName, digest: Digest): Promise<'removed' | 'unknown' | 'in-use'>
}

/** A manifest as it is served. */
export interface StoredManifest {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly bytes: Uint8Array
}

/** A manifest as it was found. */
export interface FoundManifest extends StoredManifest {
  /** True if it may be removed once it was not used for long enough. */
  readonly isQueued: boolean
}

/** Rights that are known only once it is known whether a tag exists. */
export interface TagRights {
  /** True if tags may be made that do not exist. */
  readonly mayCreate: boolean
  /** True if tags may be moved from another manifest. */
  readonly mayOverwrite: boolean
}

/** A manifest to be recorded; its bytes are durable in the blob store. */
export interface ManifestRecord {
  readonly repository: RepositoryName
  readonly digest: Digest
  readonly manifest: Manifest
  readonly bytes: Uint8Array
  readonly tags: readonly Tag[]
  /** Record it although content it names is absent. */
  readonly isSparseAllowed: boolean
  /** Name of the account that pushes it, for the history of its tags. */
  readonly by?: string | undefined
  /** Rights of the account to tags; undefined: all. */
  readonly tagRights?: TagRights | undefined
  /** Time from a push of its tags to their end, from a label of the image; undefined: it has none. */
  readonly expiresAfterMs?: number | undefined
}

/** Comparison of a manifest's content with that of its repository. */
export interface NamedContent {
  /** Needed there and not held. */
  readonly missing: readonly Digest[]
  /** Held with another size than the manifest states; both in bytes. */
  readonly missized: readonly { readonly digest: Digest; readonly stated: number; readonly stored: number }[]
  /** Blobs that are held, with their sizes in bytes. */
  readonly blobs: readonly { readonly digest: Digest; readonly size: number }[]
}

/** A referrer in the form of the list. */
export interface ReferrerRow {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly artifactType: string | undefined
  /** A JSON object of texts, as inserted into the list. */
  readonly annotationsJson: string | undefined
}

/** Selection of referrers. */
export interface ReferrerPageRequest extends Page {
  readonly artifactType: string | undefined
  /** Most bytes of annotations and artifact types together; the first row always counts as fitting. */
  readonly maxBytes: number
}

/** Part of a list of referrers. */
export interface ReferrerPage {
  readonly rows: readonly ReferrerRow[]
  readonly hasMore: boolean
}

/** Manifests and the tags that point at them. */
export interface ManifestFacts {
  /** By digest or by tag. */
  findManifest(repository: RepositoryName, reference: Tag | Digest): Promise<FoundManifest | undefined>
  /**
   * Records a manifest and moves the tags to it, unless content it names is absent from the repository or has another
   * size there: then nothing changes. Returns the comparison; `missing` is empty if absent content is allowed.
   * `isRemoved`: its own bytes are being removed, as those of a manifest that was no longer needed: nothing changes, and
   * it can be stored again once they are gone.
   */
  putManifest(record: ManifestRecord): Promise<NamedContent & { readonly isRemoved: boolean }>
  /** Compares the content that a manifest names with that of the repository. */
  findNamed(repository: RepositoryName, manifest: Manifest): Promise<NamedContent>
  /**
   * Removes a manifest and the tags that point at it, unless an index there names it. It is kept in the trash for a
   * while. `by`: name of the account that deletes it.
   */
  deleteManifest(
    repository: RepositoryName,
    digest: Digest,
    by?: string,
  ): Promise<'removed' | 'unknown' | 'in-use'>
  /** Outcome and errors of {@link deleteManifest}; changes nothing. */
  checkManifestDeletion(
    repository: RepositoryName,
    digest: Digest,
  ): Promise<'removable' | 'unknown' | 'in-use'>
  /** Removes one tag; false if there was none. `by`: name of the account that deletes it. */
  deleteTag(repository: RepositoryName, tag: Tag, by?: string): Promise<boolean>
  /** Records that manifests were pulled just now; those that are gone are left out. */
  recordPulls(
    pulled: readonly { readonly repository: RepositoryName; readonly digest: Digest }[],
  ): Promise<void>
  /** Manifests whose subject is this digest, by digest. */
  listReferrers(repository: RepositoryName, subject: Digest, page: ReferrerPageRequest): Promise<ReferrerPage>
}

/** A tag with its manifest. */
export interface TagRow {
  readonly name: Tag
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly updatedAt: Date
}

/** Lists, in the order of the names' bytes. */
export interface RepositoryFacts {
  /** Names of repositories that hold a manifest. */
  listRepositories(filter: RepositoryFilter, page: Page): Promise<RepositoryName[]>
  /** Names of tags; undefined if the repository does not exist. */
  listTags(repository: RepositoryName, page: Page): Promise<Tag[] | undefined>
  /** Like {@link listTags}, with the manifest of each; `only`: that tag alone. */
  describeTags(
    repository: RepositoryName,
    page: Page & { readonly only?: Tag | undefined },
  ): Promise<TagRow[] | undefined>
  /** Errors: `DENIED` if the deletion of a repository would be refused, as of immutable tags and pinned manifests. */
  requireDeletable(repository: RepositoryName): Promise<void>
  /**
   * Removes a repository with all its content, which is kept in the trash for a while; false if there was none. `by`:
   * name of the account that deletes it.
   */
  deleteRepository(repository: RepositoryName, by?: string): Promise<boolean>
}

/** An upload session. */
export interface UploadRow {
  readonly id: UploadId
  readonly repository: RepositoryName
  /** Id of the account that opened it. */
  readonly principal: string
  /** Number of durable bytes. */
  readonly offset: number
  /** State returned by the store of bytes with that offset: at most 4,096 characters, which only the store reads. */
  readonly state: string
}

/** Upload sessions. */
export interface UploadFacts {
  /**
   * Opens a session, unless its principal has `maxOpen` already; false if so. `digest`: of the blob that it brings, if
   * that is known: a quota never refuses content that its namespace holds.
   */
  createUpload(upload: UploadRow, maxOpen?: number, digest?: Digest): Promise<boolean>
  /**
   * Fails with `OciError` `DENIED` if a quota has no room for content: early, before its bytes are sent or stored. The
   * transaction that adds it decides. `upload`: the session that brings it, whose own bytes do not count twice.
   */
  requireRoom(wanted: {
    repository: RepositoryName
    size: number
    digest?: Digest | undefined
    upload?: UploadId | undefined
  }): Promise<void>
  findUpload(id: UploadId): Promise<UploadRow | undefined>
  /** Moves a session from one offset to the next; false if it is gone or was moved by another request. */
  advanceUpload(id: UploadId, from: number, to: { offset: number; state: string }): Promise<boolean>
  /** Removes a session; false if there was none. */
  deleteUpload(id: UploadId): Promise<boolean>
  /** Sessions unused for `unusedMs` or longer, of one principal or of all, the stalest first, at most `limit`. */
  listStaleUploads(unusedMs: number, limit: number, principal?: string): Promise<UploadId[]>
}

/** All facts about bytes. */
export interface Metadata
  extends BlobFacts,
    ManifestFacts,
    RepositoryFacts,
    UploadFacts,
    RestoreFacts,
    PolicyFacts,
    SwitchFacts,
    InUseFacts {
  /** Fails with `OciError` `UNAVAILABLE` if the facts cannot be read. */
  check(): Promise<void>
}
