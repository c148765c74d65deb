import type { Config } from '../../config/config.ts'
import type { ProcessActivity } from './activity.ts'
import { type DataStatus, readDataStatus } from './data-status.ts'
import { readServerReport, type ServerReport } from './status-socket.ts'
import type { Ranked } from './top-table.ts'

/** Sums over the processes of a server. */
export interface ServerStatus extends Omit<ServerReport, 'processes'> {
  readonly residentBytes: number
  readonly totalRequests: number
  readonly rates: ProcessActivity['rates']
  /** The oldest first. */
  readonly transfers: ProcessActivity['transfers']
  readonly top: ProcessActivity['top']
}

/** One Berth: its running server, if any, and what its data folder knows. */
export interface Status {
  readonly server: ServerStatus | undefined
  readonly data: DataStatus
}

/** Reads the status of a Berth. Errors: `AppError`, `DatabaseError`, those of the system. */
export async function readStatus(config: Config): Promise<Status> {
  const server = await readServerStatus(config.dataDir)
  return { server, data: await readDataStatus(config, { isRunning: server !== undefined }) }
}

/** Undefined: no server answers on that data folder. Errors: those of the system. */
export async function readServerStatus(dataDir: string): Promise<ServerStatus | undefined> {
  const report = await readServerReport(dataDir, 'activity')
  if (!report) return undefined
  const { processes, ...server } = report
  const all = processes.map(({ activity }) => activity)
  const sum = (read: (activity: ProcessActivity) => number): number =>
    all.reduce((total, activity) => total + read(activity), 0)
  return {
    ...server,
    residentBytes: sum(({ residentBytes }) => residentBytes),
    totalRequests: sum(({ totalRequests }) => totalRequests),
    rates: {
      overSeconds: all[0]?.rates.overSeconds ?? 0,
      requests: sum(({ rates }) => rates.requests),
      failures: sum(({ rates }) => rates.failures),
      sentBytes: sum(({ rates }) => rates.sentBytes),
      receivedBytes: sum(({ rates }) => rates.receivedBytes),
    },
    transfers: all.flatMap(({ transfers }) => transfers).sort((a, b) => (a.since < b.since ? -1 : 1)),
    top: {
      repository: merge(all.map(({ top }) => top.repository)),
      client: merge(all.map(({ top }) => top.client)),
      site: merge(all.map(({ top }) => top.site)),
    },
  }
}

function merge(lists: readonly (readonly Ranked[])[]): Ranked[] {
  const sums = new Map<string, Ranked>()
  for (const ranked of lists.flat()) {
    const other = sums.get(ranked.name)
    sums.set(ranked.name, {
      name: ranked.name,
      requestsPerSecond: ranked.requestsPerSecond + (other?.requestsPerSecond ?? 0),
      bytesPerSecond: ranked.bytesPerSecond + (other?.bytesPerSecond ?? 0),
      failuresPerSecond: ranked.failuresPerSecond + (other?.failuresPerSecond ?? 0),
      excessPerSecond: ranked.excessPerSecond + (other?.excessPerSecond ?? 0),
    })
  }
  return [...sums.values()].sort(
    (a, b) => b.bytesPerSecond - a.bytesPerSecond || b.requestsPerSecond - a.requestsPerSecond,
  )
}
