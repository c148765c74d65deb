import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { TracesConfig } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import type { ProcessMetrics } from '../../metrics/process-metrics.ts'
import type { BeginTrace } from '../../traces/request-trace.ts'
import { SpanQueue } from '../../traces/span-queue.ts'
import { Tracer } from '../../traces/tracer.ts'
import { readCollectorHeaders } from './collector-headers.ts'
import { traceBlobs, traceDatabase } from './trace-seams.ts'

/** Dependencies of {@link openTracing}. */
export interface TracingParts {
  readonly logger: Logger
  /** Counts spans; undefined: nothing does. */
  readonly metrics: ProcessMetrics | undefined
  readonly resources: AsyncDisposableStack
}

/** The traces of a process. */
export interface Tracing {
  readonly begin: BeginTrace
  /** A database whose transactions are steps of the request they are run for. */
  traceDatabase<S>(database: Database<S>): Database<S>
  /** The same for bytes that are read and written. */
  traceBlobs(blobs: BlobStore): BlobStore
}

/** Opens the traces of a process; `resources` sends the last spans, for a bounded time. Errors: `AppError`. */
export async function openTracing(
  { endpoint, headersFile, sampleRatio, serviceName }: TracesConfig & { readonly endpoint: string },
  { logger, metrics, resources }: TracingParts,
): Promise<Tracing> {
  const headers = async (): Promise<Readonly<Record<string, string>>> =>
    headersFile === undefined ? {} : readCollectorHeaders(headersFile)
  // A file that cannot be used is an error of the start, and later a failure to send.
  await headers()
  const queue = new SpanQueue({
    collector: { url: endpoint, headers },
    resource: {
      'service.name': serviceName,
      'service.instance.id': randomUUID(),
      'host.name': hostname(),
      'process.pid': process.pid,
    },
    count: (result, spans) => metrics?.meter.count('berth_trace_spans_total', { result }, spans),
    onFailure: (reason) =>
      logger.warn(
        { endpoint, reason },
        'the collector does not take traces: they are lost meanwhile, and requests do not wait. The next message about this comes after ten minutes at the earliest',
      ),
    onRecovery: () => logger.info({ endpoint }, 'the collector takes traces again'),
  })
  resources.use(queue)
  const tracer = new Tracer({ sampleRatio, onEnd: queue.add })
  logger.info({ endpoint, sample: sampleRatio }, 'requests are traced')
  return {
    begin: tracer.begin,
    traceDatabase: (database) => traceDatabase(database, tracer),
    traceBlobs: (blobs) => traceBlobs(blobs, tracer),
  }
}
