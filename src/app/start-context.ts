import type { MetricSamples } from '../metrics/metric.ts'
import type { ProcessMetrics } from '../metrics/process-metrics.ts'
import type { Store } from './data/open-store.ts'
import type { DoorUpkeepContext } from './door/door-upkeep.ts'
import type { Contents } from './open-registry.ts'
import type { Activity } from './status/activity.ts'
import type { ReportKind } from './status/process-report.ts'
import type { WorkerReports } from './status/server-report.ts'
import type { Tracing } from './traces/open-tracing.ts'

/** Parts that are open before anything is served. */
export interface StartContext extends Omit<DoorUpkeepContext, 'door'> {
  readonly store: Store
  readonly contents: Contents
  /** Counts the requests of this process. */
  readonly activity: Activity
  /** Text of a scrape of the whole server; never called without metrics. */
  readonly scrape: () => Promise<string>
  /** Undefined: nothing is counted. */
  readonly metrics: ProcessMetrics | undefined
  /** Undefined: nothing is traced, or this process serves no requests. */
  readonly traces: Tracing | undefined
}

/** Listeners of a server. */
export interface Serving {
  readonly urls: readonly string[]
  /** Begins to answer requests: until then they wait. */
  answer(): void
  /** Metrics of the other processes that serve. */
  readOthers(): Promise<readonly (readonly MetricSamples[])[]>
  /** Reads what the other processes do. */
  inspect(kind: ReportKind): Promise<WorkerReports>
}
