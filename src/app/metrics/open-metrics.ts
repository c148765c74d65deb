import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import { ANY_ADDRESS, type ListenAddress } from '../../config/listen-address.ts'
import { isLoopback } from '../../config/plain-http.ts'
import { formatAddress } from '../../config/show/describe.ts'
import { removeLeftSocket } from '../../front-door/listen/sockets/door-address.ts'
import { formatMetrics } from '../../metrics/format-metrics.ts'
import { mergeSamples } from '../../metrics/merge-samples.ts'
import type { MetricSamples } from '../../metrics/metric.ts'
import { openMetricsListener } from '../../metrics/metrics-listener.ts'
import type { ProcessMetrics } from '../../metrics/process-metrics.ts'
import { toAppError } from '../faults/system-fault.ts'
import { rememberBriefly } from '../remember-briefly.ts'

/** Time for which a scrape is reused, in milliseconds: the text of many at once is made once. */
const SCRAPE_KNOWN_MS = 1_000

/** Dependencies of the listener. */
interface MetricsParts {
  readonly config: Pick<Config, 'listenMetrics'>
  readonly metrics: ProcessMetrics
  /** Values of the other processes of this server. */
  readonly others: () => Promise<readonly (readonly MetricSamples[])[]>
  readonly logger: Logger
  /** Version of this server. */
  readonly version: string
}

/** Opens the listener for scrapes, if the settings have one. Errors: `AppError`. @returns the text of a scrape. */
export async function openMetrics(
  { config, metrics, others, logger, version }: MetricsParts,
  resources: AsyncDisposableStack,
): Promise<() => Promise<string>> {
  const { meter } = metrics
  meter.set('berth_build_info', 1, { version, node: process.versions.node })
  meter.set('berth_start_time_seconds', performance.timeOrigin / 1_000)
  const read = async (): Promise<string> => {
    const all = await Promise.all([metrics.read(), others()])
    return formatMetrics(mergeSamples([all[0], ...all[1]]))
  }
  const scrape = rememberBriefly(read, SCRAPE_KNOWN_MS)
  const { listenMetrics: address } = config
  if (address) resources.use(await openListener(address, { scrape, logger }))
  return scrape
}

async function openListener(
  address: ListenAddress,
  { scrape, logger }: { scrape: () => Promise<string>; logger: Logger },
): Promise<AsyncDisposable> {
  const listener = await listen(address, {
    scrape,
    onFailure: (err) => logger.error({ err }, 'a scrape of the metrics failed'),
  })
  logger.info({ url: listener.url }, 'metrics are served')
  if (address.path === undefined && !isLoopback(address.host))
    logger.warn(
      { address: formatAddress(address) },
      'the metrics can be read without a log-in by everyone who reaches this address: they hold names of hosts, and no names of repositories or accounts',
    )
  return listener
}

async function listen(
  address: ListenAddress,
  parts: Parameters<typeof openMetricsListener>[1],
): ReturnType<typeof openMetricsListener> {
  try {
    if (address.path !== undefined) {
      await removeLeftSocket(address.path)
      return await openMetricsListener({ path: address.path }, parts)
    }
    const { host, port } = address
    return await openMetricsListener(host === ANY_ADDRESS ? { port } : { host, port }, parts)
  } catch (cause) {
    throw address.path === undefined
      ? toAppError(cause, 'port', formatAddress(address))
      : toAppError(cause, 'socket', address.path)
  }
}
