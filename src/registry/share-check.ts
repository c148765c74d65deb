/** How long a check that went well stands for those who ask next, in milliseconds: whoever watches asks each second or less often. */
export const CHECK_STANDS_MS = 1_000

/**
 * A check that all who ask at once share, and that stands for a moment once it went well: anybody may ask, and each run
 * writes to the disk. A failure is told to those who waited for it, and not remembered.
 */
export function shareCheck(check: () => Promise<void>, clock: () => number): () => Promise<void> {
  let underWay: Promise<void> | undefined
  let wentWellAtMs = Number.NEGATIVE_INFINITY
  return () => {
    if (clock() - wentWellAtMs < CHECK_STANDS_MS) return Promise.resolve()
    underWay ??= check()
      .then(() => {
        wentWellAtMs = clock()
      })
      .finally(() => {
        underWay = undefined
      })
    return underWay
  }
}
