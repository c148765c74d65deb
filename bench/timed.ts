import { readUsage, resetPeaks } from './process-usage.ts'

/** What a piece of work cost. */
export interface Cost {
  readonly seconds: number
  /** Of the servers' processes, in seconds. */
  readonly cpuS: number
  /** Largest resident memory of the servers' processes meanwhile, in bytes. */
  readonly peakRssBytes: number
}

/** Does a piece of work once, and measures it and the processes below `roots`. */
export async function timed(roots: readonly number[], work: () => Promise<unknown>): Promise<Cost> {
  resetPeaks(roots)
  const before = readUsage(roots)
  const startMs = performance.now()
  await work()
  const seconds = (performance.now() - startMs) / 1000
  const after = readUsage(roots)
  return { seconds, cpuS: after.cpuS - before.cpuS, peakRssBytes: after.peakRssBytes }
}

/** The figures of a transfer of so many bytes. */
export function transferFigures(
  bytes: number,
  { seconds, cpuS, peakRssBytes }: Cost,
): Record<string, number> {
  return {
    'MB/s': bytes / 1e6 / seconds,
    'CPU s/GiB': cpuS / (bytes / 1024 ** 3),
    'peak RSS MB': peakRssBytes / 1e6,
  }
}

/** The servers in the order of a round: forwards and backwards by turns, so that nobody is always first or last. */
export function inOrderOfRound<T>(servers: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? servers : servers.toReversed()
}
