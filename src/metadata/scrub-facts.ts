import type { Digest } from '../oci/digest.ts'
import type { BlobMark } from './collection-facts.ts'
import type { DamageEnd, DamageKind } from './schema.ts'

/**
 * Facts about stored bytes that do not have their digest. Such content is in quarantine: no repository serves it, and
 * every question about it is answered as if it were absent, until right bytes are stored again.
 */

/** A damage as it was found. */
export interface DamageFinding {
  readonly digest: Digest
  readonly kind: DamageKind
  /** Code of the system with which the bytes cannot be read. */
  readonly reason?: string | undefined
  /** Size in bytes in the store. */
  readonly foundSize?: number | undefined
}

/** Content whose bytes are to be verified. */
export interface ScrubItem {
  readonly digest: Digest
  /** In bytes; negative if no fact has named it yet. */
  readonly size: number
  readonly isQuarantined: boolean
  /** True if a repository holds it as a manifest, whose bytes are in rows, too. */
  readonly isManifest: boolean
}

/** The row of a manifest. */
interface ManifestCopy {
  readonly repositoryId: number
  readonly bytes: Uint8Array
}

/** Result of a quarantine. */
export type QuarantineOutcome =
  /** No fact names it any more. */
  | { readonly kind: 'gone' }
  /** It is being pushed or removed: what was read may not be what is there now. */
  | { readonly kind: 'busy' }
  /** It is not served from now on. `mark`: its bytes may be moved away, within `REMOVED_WITHIN_MS`. */
  | { readonly kind: 'quarantined'; readonly isNew: boolean; readonly mark: BlobMark | undefined }

/** Content in quarantine, for a list. */
export interface Damage extends DamageFinding {
  /** Size in bytes that it should have. */
  readonly size: number
  readonly foundAt: Date
  /** True if the bytes are kept in the quarantine of the store. */
  readonly isSetAside: boolean
  /** Images that cannot be pulled because of it, at most {@link MAX_IMAGES_LISTED}. */
  readonly images: readonly DamagedImage[]
  /** Repositories that hold it, at most {@link MAX_IMAGES_LISTED}, by name. */
  readonly repositories: readonly string[]
}

/** A manifest that names damaged content, or is damaged itself. */
interface DamagedImage {
  readonly repository: string
  readonly digest: Digest
  /** Tags that lead to it, also by way of an index. */
  readonly tags: readonly string[]
}

/** Most images and repositories listed for one damage: a base layer may be in thousands. */
export const MAX_IMAGES_LISTED = 100

/** Finding, quarantining and releasing damaged content. Errors of all: as of `Metadata`. */
export interface ScrubFacts {
  /** Content that facts name, by digest, behind `after`; at most `limit`. `isQuarantined`: only that in quarantine. */
  listContent(page: {
    readonly after?: Digest | undefined
    readonly limit: number
    readonly isQuarantined?: boolean
  }): Promise<ScrubItem[]>
  /** Number of all content, and of its bytes: every row is read. */
  countContent(): Promise<{ readonly count: number; readonly bytes: number }>
  /** Rows of a manifest in repositories behind `after`, at most `limit`, each with its bytes. */
  listManifestCopies(
    digest: Digest,
    page: { readonly after: number; readonly limit: number },
  ): Promise<ManifestCopy[]>
  /** Replaces the bytes of all rows of a manifest; its caller has verified them. */
  replaceManifestBytes(digest: Digest, bytes: Uint8Array): Promise<void>
  /**
   * Puts content in quarantine whose bytes were read during the last `readMs` milliseconds. With bytes that are to be
   * moved away it is marked, too, so that no push stores it meanwhile.
   */
  quarantine(finding: DamageFinding, readMs: number): Promise<QuarantineOutcome>
  /** Ends the mark of a quarantine. `isSetAside`: bytes were moved to the quarantine of the store. */
  endMove(mark: BlobMark, isSetAside: boolean): Promise<void>
  /** Ends a quarantine, as the right bytes are in their place, durably; false if there is none. `size`: in bytes. */
  release(digest: Digest, end: { readonly size: number; readonly how: DamageEnd }): Promise<boolean>
  /** Content in quarantine by digest, behind `after`; at most `limit`. */
  listDamages(page: { readonly after?: Digest | undefined; readonly limit: number }): Promise<Damage[]>
  /** Number of those in quarantine, and since when the first; found by an index. */
  countDamages(): Promise<{ readonly count: number; readonly since: Date | undefined }>
  /** Repositories that hold content, by name, at most `limit`. */
  listHolders(digest: Digest, limit: number): Promise<string[]>
  /** Digests whose quarantine ended longer than `keepMs` ago, or whose content no fact names any more; at most `limit`. */
  listEnded(keepMs: number, limit: number): Promise<Digest[]>
  /** Forgets an ended quarantine; its caller has removed the bytes. */
  forgetEnded(digest: Digest): Promise<void>
}
