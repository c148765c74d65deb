import type { BlobStore } from '../blobs/blob-store.ts'
import type { Metadata } from '../metadata/metadata.ts'
import { BlobPresence, type OnBlobDamage } from './blob-presence.ts'
import { createDeleteContent, type DeleteContent } from './delete-content.ts'
import { createListContent, type ListContent } from './list-content.ts'
import { createListReferrers, type ListReferrers } from './list-referrers.ts'
import { ManifestReader } from './manifests/manifest-reader.ts'
import { createMountBlob, type MountBlob } from './mount-blob.ts'
import { createPullContent, type PullContent } from './pull-content.ts'
import { createPushBlob, type PushBlob } from './push-blob.ts'
import { createPushManifest, type PushManifest } from './push-manifest.ts'
import { shareCheck } from './share-check.ts'
import type { UploadTurns } from './upload-locks.ts'

/** What the use-cases need. */
export interface RegistryParts {
  readonly blobs: BlobStore
  readonly metadata: Metadata
  readonly policy: RegistryPolicy
  /** Gets each blob whose bytes are found lost or cut short. */
  readonly onBlobDamage?: OnBlobDamage | undefined
  /** Where several processes serve: theirs together; by default those of this one. */
  readonly uploadTurns?: UploadTurns | undefined
}

/** What the use-cases share beside it. */
export interface UseCaseParts extends RegistryParts {
  readonly presence: BlobPresence
  readonly manifests: ManifestReader
}

/** What the operator decides. */
export interface RegistryPolicy {
  readonly isDeleteAllowed: boolean
  /** Whether a manifest may name content its repository does not hold. */
  readonly isSparseAllowed: boolean
  /** Largest blob in bytes; 0: no limit. */
  readonly maxBlobBytes: number
}

/** What a registry does, whoever asks: rights have been decided before. */
export interface Registry
  extends PushBlob,
    MountBlob,
    PullContent,
    PushManifest,
    DeleteContent,
    ListContent,
    ListReferrers {
  /** Fails with `OciError` if nothing can be read or written; what was found a moment ago still counts. */
  check(): Promise<void>
}

/** Puts the use-cases together. */
export function createRegistry(given: RegistryParts): Registry {
  const { blobs, onBlobDamage = () => {} } = given
  const parts: UseCaseParts = {
    ...given,
    presence: new BlobPresence(blobs, onBlobDamage),
    manifests: new ManifestReader(),
  }
  return {
    ...createPushBlob(parts),
    ...createMountBlob(parts),
    ...createPullContent(parts),
    ...createPushManifest(parts),
    ...createDeleteContent(parts),
    ...createListContent(parts),
    ...createListReferrers(parts),
    check: shareCheck(
      async () => {
        await parts.metadata.check()
        await parts.blobs.check()
      },
      () => performance.now(),
    ),
  }
}
