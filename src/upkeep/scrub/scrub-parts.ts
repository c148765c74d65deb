import type { BlobStore } from '../../blobs/blob-store.ts'
import type { BlobFacts } from '../../metadata/metadata.ts'
import type { DamageFinding, ScrubFacts } from '../../metadata/scrub-facts.ts'
import type { Digest } from '../../oci/digest.ts'

/** Dependencies of verifying content. */
export interface ScrubParts {
  readonly blobs: Pick<BlobStore, 'verify' | 'send' | 'put' | 'setAside' | 'check'>
  readonly facts: ScrubFacts
  readonly metadata: Pick<BlobFacts, 'claimBlob'>
  /** Receives what is found and done. */
  readonly report?: ScrubReport | undefined
}

/** Called with the events of a pass. */
export interface ScrubReport {
  /** Content is in quarantine from now on. `repositories`: some that hold it. */
  readonly onDamage?: (finding: DamageFinding, repositories: readonly string[]) => void
  /**
   * Content is damaged or missing, and stays out of quarantine, since a push of the last hour may be about to store it: the
   * next pass decides.
   */
  readonly onUndecided?: (digest: Digest) => void
  /** Content is whole again. */
  readonly onMended?: (digest: Digest, how: 'found-whole' | 'from-other-copy') => void
  /** Content is in quarantine, and its bytes could not be moved away. */
  readonly onFailure?: (digest: Digest, error: unknown) => void
}

/**
 * Result of a check. `unreadable`: as `damaged`, and the cause may be the medium as a whole. `busy`: it is being pushed
 * or removed, and is looked at in the next pass.
 */
export type CheckResult = 'whole' | 'mended' | 'damaged' | 'unreadable' | 'busy' | 'gone'
