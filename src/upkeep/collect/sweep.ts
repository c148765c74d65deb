import type { BlobReader } from '../../blobs/blob-store.ts'
import type { CollectionFacts } from '../../metadata/collection-facts.ts'
import type { Digest } from '../../oci/digest.ts'
import { Pace, type PaceLimits } from './pace.ts'

/** Blobs of one page. */
const PAGE = 500

/**
 * Queues the blobs of the store that no fact names, as a crash between bytes and facts leaves them. Slow and paced, one
 * pass over the whole store. `graceMs`: time before one is removed, in which the push that stored it can name it.
 * Returns their number. Errors: the reason of the signal, those of the store and the facts.
 */
export async function sweep({
  blobs,
  facts,
  graceMs,
  pace: limits,
  signal,
}: {
  blobs: Pick<BlobReader, 'list'>
  facts: Pick<CollectionFacts, 'queueUnknown'>
  graceMs: number
  pace: PaceLimits
  signal?: AbortSignal | undefined
}): Promise<number> {
  const pace = new Pace(limits)
  let after: Digest | undefined
  let queued = 0
  do {
    await pace.rest(signal)
    const page = await blobs.list({ after, limit: PAGE })
    const digests = page.blobs.map(({ digest }) => digest)
    queued += await facts.queueUnknown(digests, graceMs)
    for (const _ of digests) pace.count()
    after = page.next
  } while (after !== undefined)
  return queued
}
