import type { Config } from '../../config/config.ts'
import type { ProcessRole } from '../../metrics/process-figures.ts'
import type { ProcessMetrics } from '../../metrics/process-metrics.ts'

/**
 * The metrics of a process, with the figures of the process itself; undefined if the settings turn them off: then none of their
 * code is loaded.
 */
export async function loadMetrics(
  { listenMetrics, monitoringTokenFile }: Pick<Config, 'listenMetrics' | 'monitoringTokenFile'>,
  { role, resources }: { role: ProcessRole; resources: AsyncDisposableStack },
): Promise<ProcessMetrics | undefined> {
  if (!listenMetrics && monitoringTokenFile === undefined) return undefined
  const [{ ProcessMetrics: Metrics }, { ProcessFigures }] = await Promise.all([
    import('../../metrics/process-metrics.ts'),
    import('../../metrics/process-figures.ts'),
  ])
  const metrics = await Metrics.open()
  metrics.add(resources.use(new ProcessFigures(role)))
  return metrics
}
