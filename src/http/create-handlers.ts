import type { AccessRules } from '../access/rules.ts'
import type { Registry } from '../registry/registry.ts'
import { createBlobHandlers } from './handlers/blob.ts'
import { createUploadHandlers } from './handlers/blob-upload.ts'
import { createListHandlers } from './handlers/lists.ts'
import { createManifestHandlers } from './handlers/manifest.ts'
import { ping } from './handlers/ping.ts'
import { createReferrerHandler } from './handlers/referrers.ts'
import type { Handlers } from './routes.ts'
import type { SharedBounds } from './shared-bounds.ts'

/** Dependencies of all handlers together. */
interface Parts {
  readonly registry: Registry
  readonly rules: AccessRules
  readonly bounds: SharedBounds
}

/** Creates the handlers of `/v2/`. */
export function createHandlers({ registry, rules, bounds }: Parts): Handlers {
  const { transfers, manifestRoom } = bounds
  return {
    ping,
    ...createListHandlers({ registry, rules }),
    ...createReferrerHandler({ registry }),
    ...createBlobHandlers({ registry, transfers }),
    ...createManifestHandlers({ registry, room: manifestRoom }),
    ...createUploadHandlers({ registry, rules, transfers }),
  }
}
