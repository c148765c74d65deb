import type { Digest } from '../oci/digest.ts'
import type { Reference, Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'

/** A manifest that an operator has pinned: it is neither collected nor deleted, and neither are its tags. */
export interface Pin {
  readonly repository: RepositoryName
  readonly digest: Digest
  /** The tag by which it was pinned, which may have moved since; undefined: by its digest. */
  readonly tag: Tag | undefined
  readonly reason: string | undefined
  readonly at: Date
  /** Name of the account, or `(command)`; undefined: unknown. */
  readonly by: string | undefined
}

/** An image of this registry that containers run. */
export interface RunningImage {
  readonly repository: RepositoryName
  readonly digest: Digest
  /** Names of containers, for people. */
  readonly containers: string
}

/** An engine that runs containers. */
export interface ContainerEngine {
  /** The same as long as the engine is, whichever node reads it. */
  readonly id: string
  /** Name of its machine, for people. */
  readonly host: string
}

/** Time for which an image counts as running after the engine said so last, in milliseconds: an engine that is gone for good ends then. */
export const RUNNING_KEPT_MS: number = 7 * 24 * 3_600_000

/** Manifests in use beside their tags. Errors of all: as of `Metadata`. */
export interface InUseFacts {
  /**
   * Pins the manifest of a tag at this moment, or that of a digest; a further pin replaces the reason. Undefined if there
   * is none.
   */
  pin(
    target: { repository: RepositoryName; reference: Reference; reason?: string | undefined },
    by?: string,
  ): Promise<Pin | undefined>
  /**
   * Ends the pin of a digest; by a tag, those made by that tag, and that of its present manifest. Returns the digests;
   * none if there was no pin.
   */
  unpin(repository: RepositoryName, reference: Reference, by?: string): Promise<Digest[]>
  /** Pins of one repository, or of all, by name and digest; at most `limit`. */
  listPins(selection: { repository?: RepositoryName | undefined; limit: number }): Promise<Pin[]>
  /** Replaces the images that an engine runs, as of now. At most 10,000. */
  recordRunning(engine: ContainerEngine, images: readonly RunningImage[]): Promise<void>
  /** Images that run, by name and digest; at most `limit`. */
  listRunning(limit: number): Promise<(RunningImage & { readonly host: string; readonly seenAt: Date })[]>
  /** Those of the manifests that are pinned or run, with the reason for people. At most 1,000. */
  describeInUse(
    repository: RepositoryName,
    digests: readonly Digest[],
  ): Promise<ReadonlyMap<string, { readonly why: string; readonly isPinned: boolean }>>
}
