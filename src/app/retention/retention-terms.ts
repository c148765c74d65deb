import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { CollectionFacts } from '../../metadata/collection-facts.ts'
import type { UntaggedRemoval } from '../../upkeep/retain/retain-repository.ts'
import { RELY_MS } from '../collection/collection-terms.ts'
import { findPlaceHold } from '../collection/find-place-hold.ts'

/** Time for which a process holds the turn, in milliseconds: after it another one may begin, as the process has ended. */
export const HOLD_MS: number = 10 * 60_000

/** The removal of images without a tag; undefined if none may be, as of {@link findPlaceHold}. */
export async function openUntaggedRemoval(parts: {
  place: Pick<BlobPlace, 'findForeignRepositories' | 'findOwnBlobs'>
  facts: CollectionFacts
}): Promise<UntaggedRemoval | undefined> {
  const hold = await findPlaceHold(parts)
  return hold === undefined ? { look: parts.facts.look, relyMs: RELY_MS } : undefined
}
