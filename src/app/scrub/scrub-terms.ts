import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { Config } from '../../config/config.ts'
import type { CollectionFacts } from '../../metadata/collection-facts.ts'
import type { PaceLimits } from '../../upkeep/collect/pace.ts'

const DAY_MS = 24 * 3_600_000
/** Blobs a second at most, so that many small ones do not keep the disk busy. */
const BLOBS_PER_SECOND = 200

/** Bounds of the settings for the work of a server. */
export function toScrubPace({ scrubRate }: Pick<Config, 'scrubRate'>): PaceLimits {
  return { stepsPerSecond: BLOBS_PER_SECOND, bytesPerSecond: scrubRate }
}

/** Time from the start of one pass to that of the next, in milliseconds. */
export function toScrubInterval({ scrubDays }: Pick<Config, 'scrubDays'>): number {
  return scrubDays * DAY_MS
}

/** Time for which damaged bytes are kept after the end of their quarantine, in milliseconds: as long as deleted content. */
export function toAsideKept({ keepDays }: Pick<Config, 'keepDays'>): number {
  return keepDays * DAY_MS
}

/**
 * True if there are no blobs at all, and the facts name some: their disk is not mounted, or it is another folder. None
 * of them is damaged for that.
 */
export async function isPlaceEmpty({
  place,
  facts,
}: {
  place: Pick<BlobPlace, 'findOwnBlobs'>
  facts: Pick<CollectionFacts, 'hasBlobs'>
}): Promise<boolean> {
  return (await place.findOwnBlobs()) === undefined && (await facts.hasBlobs())
}
