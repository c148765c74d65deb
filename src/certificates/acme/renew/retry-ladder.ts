const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/**
 * Waits before the second and later attempts, in ms: short at first, for faults that pass by themselves; four a day in
 * the end.
 */
const STEPS_MS: readonly number[] = [
  ...[1, 2, 2, 5, 10, 10, 10, 20, 20, 20, 20].map((minutes) => minutes * MINUTE_MS),
  ...Array<number>(6).fill(30 * MINUTE_MS),
  ...[1, 1, 1, 2, 2, 3, 3].map((hours) => hours * HOUR_MS),
]
const LAST_STEP_MS = 6 * HOUR_MS
/** After this time of failures attempts are made once a day only. */
export const LADDER_END_MS: number = 30 * 24 * HOUR_MS
const AFTER_END_MS = 24 * HOUR_MS
/** Part by which a wait is stretched at random, so that the hosts of one outage do not come back all at once. */
const JITTER_RATIO = 0.1

/** Number of failed attempts, and the time of the first. */
interface Failures {
  /** At least 1. */
  readonly count: number
  /** Unix time in ms. */
  readonly since: number
}

/**
 * The wait after a failed attempt, in ms. It never ends: a name that comes back after months gets its certificate.
 * @param random At least 0, below 1.
 */
export function retryWait(failures: Failures, now: number, random: number): number {
  const hasEnded = now - failures.since >= LADDER_END_MS
  const step = hasEnded ? AFTER_END_MS : (STEPS_MS[Math.max(failures.count, 1) - 1] ?? LAST_STEP_MS)
  return Math.round(step * (1 + JITTER_RATIO * random))
}
