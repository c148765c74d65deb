import type { BlobQuarantine } from '../../blobs/blob-store.ts'
import type { ScrubFacts } from '../../metadata/scrub-facts.ts'

/** Most of one round: the rest waits for the next. */
const BATCH = 100

/** Removes the bytes set aside for content that is whole again or gone, `keepMs` after that. Returns their number. */
export async function dropEnded(
  { blobs, facts }: { blobs: BlobQuarantine; facts: Pick<ScrubFacts, 'listEnded' | 'forgetEnded'> },
  keepMs: number,
): Promise<number> {
  const ended = await facts.listEnded(keepMs, BATCH)
  for (const digest of ended) {
    await blobs.dropAside(digest)
    await facts.forgetEnded(digest)
  }
  return ended.length
}
