import { availableParallelism } from 'node:os'
import { readEndedChildrenCpuS, readMachineBusyS, readUsage, resetPeaks } from './process-usage.ts'

/** Cost of a piece of work. */
export interface Cost {
  readonly seconds: number
  /** Of the servers' processes, in seconds. */
  readonly cpuS: number
  /** Of the clients' processes, in seconds: they share the machine with the servers. */
  readonly clientCpuS: number
  /** Largest resident memory of the servers' processes meanwhile, in bytes. */
  readonly peakRssBytes: number
  /**
   * Percentage of the machine that was used by neither the servers nor their clients. The kernel's own work for them
   * counts here too, such as writing back; far above the value of a quiet machine, the rates mean little.
   */
  readonly othersBusyPercent: number
}

/** Does a piece of work once, and measures it and the processes below `roots`. */
export async function timed(roots: readonly number[], work: () => Promise<unknown>): Promise<Cost> {
  resetPeaks(roots)
  const before = readUsage(roots)
  const [machineBefore, clientsBefore, startMs] = [readMachineBusyS(), readClientsCpuS(), performance.now()]
  await work()
  const seconds = (performance.now() - startMs) / 1000
  const after = readUsage(roots)
  const cpuS = after.cpuS - before.cpuS
  const clientCpuS = readClientsCpuS() - clientsBefore
  const othersS = readMachineBusyS() - machineBefore - clientCpuS - cpuS
  const othersBusyPercent = (100 * Math.max(0, othersS)) / (seconds * availableParallelism())
  return { seconds, cpuS, clientCpuS, peakRssBytes: after.peakRssBytes, othersBusyPercent }
}

/** Clients are ended children of this process, or this process. */
function readClientsCpuS(): number {
  const { user, system } = process.cpuUsage()
  return readEndedChildrenCpuS() + (user + system) / 1e6
}

/** The figures of a transfer of so many bytes. */
export function transferFigures(bytes: number, cost: Cost): Record<string, number> {
  const gib = bytes / 1024 ** 3
  return {
    'MB/s': bytes / 1e6 / cost.seconds,
    'CPU s/GiB': cost.cpuS / gib,
    'client CPU s/GiB': cost.clientCpuS / gib,
    'peak RSS MB': cost.peakRssBytes / 1e6,
    'others busy %': cost.othersBusyPercent,
  }
}

/** The servers in the order of a round: forwards and backwards by turns, so that none is always first or last. */
export function inOrderOfRound<T>(servers: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? servers : servers.toReversed()
}
