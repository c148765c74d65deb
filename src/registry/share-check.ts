/** Time for which a successful check is shared, in milliseconds: monitors check each second or less often. */
export const CHECK_STANDS_MS = 1_000

/**
 * Shares a check among all callers at once, and for a moment after a success: anyone may call it, and each run writes
 * to the disk. A failure goes to the callers who waited for it, and is not remembered.
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
