import { setTimeout as sleep } from 'node:timers/promises'
import type { BlobFacts } from '../../metadata/metadata.ts'
import type { Digest } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'

/** Longest wait for the removal of bytes that are pushed again, in milliseconds: it takes one call of the store. */
const REMOVAL_WAIT_MS = 20_000
/** Time between two looks, in milliseconds: a removal from a local disk takes less. */
const LOOK_EVERY_MS = 20

/**
 * Claims a digest before bytes are stored under it. If the bytes of an earlier push are being removed at the moment, as
 * nothing named them any more, their end is waited for. Errors: `UNAVAILABLE` if it does not come.
 */
export async function claimDigest(metadata: Pick<BlobFacts, 'claimBlob'>, digest: Digest): Promise<void> {
  const until = performance.now() + REMOVAL_WAIT_MS
  while ((await metadata.claimBlob(digest)) === 'removing') {
    if (performance.now() > until) throw removedMeanwhile()
    await sleep(LOOK_EVERY_MS)
  }
}

/** The error of a push whose bytes were removed as it stored them: the client pushes them again. */
export function removedMeanwhile(): OciError {
  return new OciError('UNAVAILABLE', {
    message: 'The same content was being removed as it was pushed: push it again',
    retryAfterS: 1,
  })
}
