import type { Registry } from '../../registry/registry.ts'
import type { SharedBounds } from '../bounds/shared-bounds.ts'
import { createBlobHandlers } from './blob.ts'
import { createUploadHandlers } from './blob-upload.ts'
import { createListHandlers } from './lists.ts'
import { createManifestHandlers } from './manifest.ts'
import { ping } from './ping.ts'
import { createReferrerHandler } from './referrers.ts'
import type { Handlers } from './routes.ts'

/** Dependencies of all handlers together. */
interface Parts {
  readonly registry: Registry
  readonly bounds: SharedBounds
}

/** Creates the handlers of `/v2/`. */
export function createHandlers({ registry, bounds }: Parts): Handlers {
  const { transfers, manifestRoom } = bounds
  return {
    ping,
    ...createListHandlers({ registry }),
    ...createReferrerHandler({ registry }),
    ...createBlobHandlers({ registry, transfers }),
    ...createManifestHandlers({ registry, room: manifestRoom }),
    ...createUploadHandlers({ registry, transfers }),
  }
}
