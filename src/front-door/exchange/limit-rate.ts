/** Counts bytes as they are sent. @returns the wait before more, in milliseconds. */
export type Pace = (bytes: number) => number

/** Makes the pace of one answer (nginx's `limit_rate`); undefined: none. */
export function createPace(
  bytesPerSecond: number,
  clock: () => number = () => performance.now(),
): Pace | undefined {
  if (bytesPerSecond === 0) return undefined
  let startedAt: number | undefined
  let sent = 0
  return (bytes) => {
    startedAt ??= clock()
    sent += bytes
    return Math.max(0, Math.ceil((sent / bytesPerSecond) * 1_000 - (clock() - startedAt)))
  }
}
