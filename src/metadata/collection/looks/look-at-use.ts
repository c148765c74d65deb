import type { Kept } from '../../collection-facts.ts'
import { findInUse } from '../../queries/in-use/find-in-use.ts'
import type { Reads } from '../../queries/repositories.ts'
import type { Look } from './look-terms.ts'

/** Time after which an image that runs is looked at again, in milliseconds: its container may have ended since. */
const LOOK_AGAIN_MS = 24 * 3_600_000

/**
 * The outcome of a look at manifests of which one is in use; undefined if none is. The end of a pin queues its manifest
 * anew; that of a container does not, so the entry stays.
 */
export async function lookAtUse(
  db: Reads,
  { repositoryId, now }: Look,
  digests: readonly string[],
): Promise<Kept | undefined> {
  const [inUse] = (await findInUse(db, { repositoryId, digests, now })).values()
  if (!inUse) return undefined
  const { why, until } = inUse
  if (until === undefined) return { kind: 'kept', why }
  return { kind: 'postponed', until: new Date(Math.min(until, now + LOOK_AGAIN_MS)), why }
}
