import type { Config } from '../../config/config.ts'
import type { CollectionPolicy } from '../../metadata/collection-facts.ts'
import type { PaceLimits } from '../../upkeep/collect/pace.ts'

/**
 * Time for which a client may rely on an answer about a blob or a manifest, in milliseconds: a push asks first and names
 * what is there at its end, minutes later; an hour is enough for layers of many gigabytes.
 */
const RELY_MS = 3_600_000
/** Bytes removed a second at most: file systems free large files in one go, which delays others. */
const BYTES_PER_SECOND = 1024 ** 3

const DAY_MS = 24 * 3_600_000

/** Times of the settings for which content is kept. */
export function toPolicy({ keepDays }: Pick<Config, 'keepDays'>): CollectionPolicy {
  return { keepMs: keepDays * DAY_MS, relyMs: RELY_MS }
}

/** Bounds of the settings for the work of a server. */
export function toPace({ collectRate }: Pick<Config, 'collectRate'>): PaceLimits {
  return { stepsPerSecond: collectRate, bytesPerSecond: BYTES_PER_SECOND }
}
