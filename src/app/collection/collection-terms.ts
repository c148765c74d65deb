import type { Config } from '../../config/config.ts'
import type { CollectionPolicy } from '../../metadata/collection-facts.ts'
import type { PaceLimits } from '../../upkeep/collect/pace.ts'

/** Bytes removed a second at most: file systems free large files in one go, which delays others. */
const BYTES_PER_SECOND = 1024 ** 3

const DAY_MS = 24 * 3_600_000
/**
 * Time for which a client may rely on an answer about a blob or a manifest, in milliseconds: a push asks first and names
 * what is there at its end, which over a slow line is hours later.
 */
export const RELY_MS: number = DAY_MS
/** The same for somebody who wants room at once: enough for most pushes. */
const RELY_NOW_MS = 3_600_000

/** Times of the settings for which content is kept. */
export function toPolicy({ keepDays }: Pick<Config, 'keepDays'>): CollectionPolicy {
  return { keepMs: keepDays * DAY_MS, relyMs: RELY_MS }
}

/** Times of a collection that does not wait for the days of the settings. */
export const POLICY_NOW: CollectionPolicy = { keepMs: 0, relyMs: RELY_NOW_MS }

/**
 * With it all entries are due that {@link POLICY_NOW} puts off: manifests, whose entries are due at the end of their hour, and
 * blobs of a push.
 */
export const WAITING_NOW: CollectionPolicy = { keepMs: -RELY_NOW_MS, relyMs: 0 }

/** Bounds of the settings for the work of a server. */
export function toPace({ collectRate }: Pick<Config, 'collectRate'>): PaceLimits {
  return { stepsPerSecond: collectRate, bytesPerSecond: BYTES_PER_SECOND }
}
