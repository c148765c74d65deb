import type { Digest } from '../../oci/digest.ts'
import type { Reads } from './repositories.ts'

/** True while the bytes of this digest are being removed: no fact may name them, and none may be stored in their place. */
export async function isBeingRemoved(db: Reads, digest: Digest): Promise<boolean> {
  const row = await db
    .selectFrom('blob_removals')
    .select('digest')
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row !== undefined
}

/** Size of a blob in the store that no fact has named yet, as a crash leaves it: the push of it says the right one. */
export const UNKNOWN_SIZE = -1
