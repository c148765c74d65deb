import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { AnswerGate } from '../front-door/listen/answer-gate.ts'
import type { DoorListener } from '../front-door/listen/door-listener.ts'
import type { LimitGate } from '../front-door/sites/ports.ts'
import type { Served } from '../front-door/visit/served.ts'
import type { ProcessMetrics } from '../metrics/process-metrics.ts'
import { ManifestUses } from '../registry/pull/manifest-uses.ts'
import type { UploadTurns } from '../registry/push/upload-locks.ts'
import type { ChunkCollector } from '../stream/chunk-collector.ts'
import { UnsentBytes } from '../stream/unsent-bytes.ts'
import { runPeriodically } from '../upkeep/run-periodically.ts'
import { BackgroundWork } from './background-work.ts'
import type { CertificateExpiry } from './certificates/certificate-expiry.ts'
import type { TlsPairWatch } from './certificates/tls-pair-watch.ts'
import type { Store } from './data/open-store.ts'
import { openLoneDoors } from './door/listeners.ts'
import type { DoorSource } from './door/open-front-door.ts'
import { openNotes } from './events/note-requests.ts'
import { type Contents, openRegistry } from './open-registry.ts'
import type { Activity } from './status/activity.ts'
import type { Tracing } from './traces/open-tracing.ts'

/** Time between two writes of the times of pulls, in milliseconds: they are right within a minute. */
const WRITE_USES_MS = 30_000

/** Parts shared with the other processes that serve the same configuration. */
interface OneOfMany {
  readonly uploadTurns: UploadTurns
  readonly limits: LimitGate
  /** Secret of the tickets of TLS sessions. */
  readonly ticketSecret: Uint8Array
}

/** Dependencies of a process that serves. */
interface ServingContext {
  readonly config: Config
  readonly store: Store
  readonly contents: Contents
  /** The one of this process. */
  readonly collector: ChunkCollector
  readonly tls: TlsPairWatch | undefined
  readonly logger: Logger
  readonly resources: AsyncDisposableStack
  readonly isStopping: () => boolean
  /** Undefined: there is no front door. */
  readonly source: DoorSource | undefined
  /** Parts shared with the other serving processes; undefined: there are none. */
  readonly together: OneOfMany | undefined
  /** Requests wait until it is open. */
  readonly gate: AnswerGate
  /** Served certificates that have expired. */
  readonly expiry: CertificateExpiry
  /** Undefined: nothing is counted. */
  readonly metrics: ProcessMetrics | undefined
  /** Undefined: nothing is traced. */
  readonly traces: Tracing | undefined
  readonly activity: Activity
  /** Text of a scrape of the whole server; never called without metrics. */
  readonly scrape: () => Promise<string>
}

/**
 * Serves a configuration from this process; `resources` stops it, after a drain.
 * Errors: `AppError`, `DatabaseError`. @returns the URLs of the listeners.
 */
export async function openServing(context: ServingContext): Promise<string[]> {
  const { config, tls, resources } = context
  const newRequestId = createRequestIds()
  // One for all listeners and hosts: its bounds are those of this process.
  const unsentBytes = new UnsentBytes(context.collector)
  const background = new BackgroundWork(context.logger)
  const served = await openRegistry({
    ...context,
    background,
    unsentBytes,
    uses: writeUses(context),
    notes: openNotes({ ...context, database: context.store.database }),
    uploadTurns: context.together?.uploadTurns,
  })
  const listeners = context.source
    ? await openDoor({ ...context, source: context.source, served, newRequestId, unsentBytes })
    : await openLoneDoors(config, tls, {
        served,
        gate: context.gate,
        newRequestId,
        beginTrace: context.traces?.begin,
        trustedProxies: config.trustedProxies,
        ticketSecret: context.together?.ticketSecret,
        logFailure: (err) => context.logger.error({ err }, 'a connection could not be served'),
      })
  resources.defer(() => stopListeners(listeners, config.drainTimeoutS))
  // Before the listeners wait for their answers: streams without an end are among these.
  resources.defer(() => background.stop())
  return listeners.map((listener) => listener.url)
}

/** The pulls of this process, written now and then and at its end. */
function writeUses({ contents, logger, resources }: ServingContext): ManifestUses {
  const uses = new ManifestUses(contents.metadata, () => performance.now())
  const writes = runPeriodically(() => uses.write(), {
    firstMs: WRITE_USES_MS,
    everyMs: WRITE_USES_MS,
    onError: (err) => logger.warn({ err }, 'the times of pulls could not be recorded yet'),
  })
  resources.defer(async () => {
    await writes.stop()
    await uses.write().catch((err) => logger.warn({ err }, 'the times of the last pulls are lost'))
  })
  return uses
}

/** Loaded here: a registry alone needs none of its parts, and they take memory. */
async function openDoor(
  context: ServingContext & {
    source: DoorSource
    served: Served
    newRequestId: () => string
    unsentBytes: UnsentBytes
  },
): Promise<DoorListener[]> {
  const { frontDoor: door } = context.config
  if (!door) return []
  const [{ openFrontDoor }, { RateLimits }] = await Promise.all([
    import('./door/open-front-door.ts'),
    import('../front-door/judge/rate-limits.ts'),
  ])
  const { together } = context
  const limits = together?.limits ?? new RateLimits()
  return openFrontDoor({ ...context, door, limits })
}

async function stopListeners(listeners: readonly DoorListener[], drainTimeoutS: number): Promise<void> {
  const signal = AbortSignal.timeout(drainTimeoutS * 1000)
  await Promise.all(listeners.map((listener) => listener.stop(signal)))
}

/** Ids that differ between starts and processes and grow within one: short enough to read out, cheap enough for every request. */
function createRequestIds(): () => string {
  const start = randomBytes(4).toString('hex')
  let count = 0
  return () => `${start}-${(++count).toString(36)}`
}
