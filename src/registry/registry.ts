import type { DeleteContent } from './delete-content.ts'
import type { ListContent } from './pull/list-content.ts'
import type { ListReferrers } from './pull/list-referrers.ts'
import type { PullContent } from './pull/pull-content.ts'
import type { MountBlob } from './push/mount-blob.ts'
import type { PushBlob } from './push/push-blob.ts'
import type { PushManifest } from './push/push-manifest.ts'

/**
 * The operations of a registry that the HTTP surface calls, after the decision about access. Its own use-cases
 * implement it, and so can a client of another registry; a wrapper with the same operations can enclose either.
 */
export interface Registry
  extends PushBlob,
    MountBlob,
    PullContent,
    PushManifest,
    DeleteContent,
    ListContent,
    ListReferrers {
  /** Fails with `OciError` if nothing can be read or written. */
  check(): Promise<void>
}
