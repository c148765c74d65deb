/** Longest wait that is kept to, in ms: the longest window of a rate limit that CAs publish is a week. */
export const MAX_RETRY_AFTER_MS: number = 8 * 24 * 3600 * 1000

const SECONDS = /^\d{1,10}$/

/**
 * Reads `Retry-After` (RFC 9110 section 10.2.3), in seconds or as a date, into a wait in ms, at most
 * {@link MAX_RETRY_AFTER_MS}. A date that has passed is 0.
 * @returns undefined if there is none or it cannot be read.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim()
  if (text === undefined || text === '') return undefined
  const waitMs = SECONDS.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  if (Number.isNaN(waitMs)) return undefined
  return Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS)
}
