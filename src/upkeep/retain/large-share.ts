/** Share of a repository's tags above which their end is worth a warning. */
const LARGE_SHARE = 0.5
/** Fewer tags are not worth one. */
const MIN_TAGS = 10

/** True if most tags of a repository end, as by a rule that was written wrongly. */
export function isLargeShare({ seen, ended }: { seen: number; ended: number }): boolean {
  return ended >= MIN_TAGS && ended > seen * LARGE_SHARE
}
