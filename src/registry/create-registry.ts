import type { BlobStore } from '../blobs/blob-store.ts'
import type { Metadata } from '../metadata/metadata.ts'
import { createDeleteContent } from './delete-content.ts'
import { ManifestReader } from './manifests/manifest-reader.ts'
import { obeyReadOnly } from './obey-read-only.ts'
import { BlobPresence, type OnBlobDamage } from './presence/blob-presence.ts'
import { createListContent } from './pull/list-content.ts'
import { createListReferrers } from './pull/list-referrers.ts'
import { ManifestUses } from './pull/manifest-uses.ts'
import { createPullContent } from './pull/pull-content.ts'
import { createMountBlob } from './push/mount-blob.ts'
import { createPushBlob } from './push/push-blob.ts'
import { createPushManifest, type OnUnreadExpiry } from './push/push-manifest.ts'
import { UploadLocks, type UploadTurns } from './push/upload-locks.ts'
import { type RoomMeter, UploadRoom } from './push/upload-room.ts'
import type { Registry } from './registry.ts'
import { shareCheck } from './share-check.ts'

/** Stores of a registry, and the operator's decisions. */
interface RegistryOptions {
  readonly blobs: BlobStore
  readonly metadata: Metadata
  readonly policy: RegistryPolicy
  /** Called with each blob whose bytes are found lost or cut short. */
  readonly onBlobDamage?: OnBlobDamage | undefined
  /** Called with each pushed manifest whose label `berth.expires-after` is no duration. */
  readonly onUnreadExpiry?: OnUnreadExpiry | undefined
  /** Those of all processes that serve these stores; by default those of this process alone. */
  readonly uploadTurns?: UploadTurns | undefined
  /** Disks that uploads must not fill; by default none are looked at. */
  readonly rooms?: readonly RoomMeter[] | undefined
  /** Gathers pulls, which its owner writes; by default they are not written. */
  readonly uses?: ManifestUses | undefined
  /** Milliseconds since any moment, never set back; by default since this process began. */
  readonly clock?: () => number
}

/** Decisions of the operator. */
interface RegistryPolicy {
  readonly isDeleteAllowed: boolean
  /** True if a manifest may name content its repository does not hold. */
  readonly isSparseAllowed: boolean
  /** Largest blob in bytes; 0: no limit. */
  readonly maxBlobBytes: number
}

/** Creates the registry over its stores. A success of `check()` a moment ago still counts. */
export function createRegistry(options: RegistryOptions): Registry {
  const { blobs, metadata, policy, onBlobDamage = () => {}, uploadTurns = new UploadLocks() } = options
  const { clock = () => performance.now(), uses = new ManifestUses(metadata, clock) } = options
  const { isDeleteAllowed, isSparseAllowed, maxBlobBytes } = policy
  const presence = new BlobPresence(blobs, onBlobDamage, clock)
  const manifests = new ManifestReader()
  const check = async (): Promise<void> => {
    await metadata.check()
    await blobs.check()
  }
  const room = new UploadRoom(options.rooms ?? [], clock)
  const pushBlob = createPushBlob({ blobs, metadata, presence, uploadTurns, room, maxBlobBytes })
  return {
    ...pushBlob,
    ...obeyReadOnly(
      {
        ...pushBlob,
        ...createMountBlob({ metadata, presence }),
        ...createPushManifest({
          ...{ blobs, metadata, presence, manifests, room, isSparseAllowed },
          onUnreadExpiry: options.onUnreadExpiry ?? (() => {}),
        }),
        ...createDeleteContent({ metadata, isDeleteAllowed }),
      },
      metadata,
    ),
    ...createPullContent({ blobs, metadata, presence, uses }),
    ...createListContent({ metadata }),
    ...createListReferrers({ metadata, manifests }),
    check: shareCheck(check, clock),
  }
}
