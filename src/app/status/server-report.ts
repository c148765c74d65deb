import type { Config } from '../../config/config.ts'
import type { RecentLines } from '../../log/recent-lines.ts'
import type { Activity } from './activity.ts'
import { type ProcessReport, type ReportKind, reportProcess } from './process-report.ts'
import type { ServerReport } from './status-socket.ts'

/** Reports of the workers. */
export interface WorkerReports {
  readonly processes: readonly ProcessReport[]
  /** Workers that did not reply in time. */
  readonly silent: number
}

/** Of a process that serves alone. */
export const NO_WORKERS: WorkerReports = { processes: [], silent: 0 }

/** Creates the function that reports what a server does: this process first, then its workers. */
export function createServerReport({
  config,
  urls,
  version,
  own,
  inspect,
}: {
  config: Pick<Config, 'workers'>
  urls: readonly string[]
  version: string
  own: { activity: Activity; recent: RecentLines }
  inspect: (kind: ReportKind) => Promise<WorkerReports>
}): (kind: ReportKind) => Promise<ServerReport> {
  const startedAt = new Date().toISOString()
  return async (kind) => {
    const { processes, silent } = await inspect(kind)
    return {
      version,
      node: process.versions.node,
      startedAt,
      urls,
      workers: config.workers,
      silent,
      processes: [reportProcess(own, kind), ...processes],
    }
  }
}
