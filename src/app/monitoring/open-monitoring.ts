import type { Logger } from 'pino'
import type { Monitoring } from '../../http/monitoring/monitoring.ts'
import { METRICS_TYPE } from '../../metrics/format-metrics.ts'
import { MonitoringToken } from './monitoring-token.ts'
import { createReadinessChecks } from './readiness-checks.ts'

/** Dependencies of the figures and checks. */
interface MonitoringParts extends Omit<Parameters<typeof createReadinessChecks>[0], 'timeoutMs'> {
  /** File of the token. */
  readonly path: string
  readonly logger: Logger
  /** Text of a scrape of the whole server. */
  readonly scrape: () => Promise<string>
}

/** Opens the figures and checks for the holder of the monitoring token. The file of the token is read with the first request. */
export function openMonitoring({ path, scrape, ...checks }: MonitoringParts): Monitoring {
  const token = new MonitoringToken(path, checks)
  return {
    judge: (given, remoteAddress) => token.judge(given, remoteAddress),
    scrape: async () => ({ type: METRICS_TYPE, text: await scrape() }),
    check: createReadinessChecks(checks),
  }
}
