import type { RecentLines } from '../../log/recent-lines.ts'
import type { Activity, ProcessActivity } from './activity.ts'

/** Content of a report: the activity, or with it the last lines of the log. */
export type ReportKind = 'activity' | 'lines'

/** Report of one process that serves, or of the primary. */
export interface ProcessReport {
  readonly activity: ProcessActivity
  /** The last lines of its log, as JSON; empty unless they were requested. */
  readonly lines: readonly string[]
}

/** Reports what this process does. */
export function reportProcess(
  { activity, recent }: { activity: Activity; recent: RecentLines },
  kind: ReportKind,
): ProcessReport {
  return { activity: activity.read(), lines: kind === 'lines' ? recent.list() : [] }
}
