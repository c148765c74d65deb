import { existsSync } from 'node:fs'
import type { Logger } from 'pino'
import { createRuleSource } from '../access/stored/create-rule-source.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { Config } from '../config/config.ts'
import type { Console } from '../console/console.ts'
import type { Database } from '../database/database.ts'
import type { EventNotes } from '../events/event-notes.ts'
import type { Served } from '../front-door/visit/served.ts'
import { createSharedBounds, type SharedBounds } from '../http/bounds/shared-bounds.ts'
import type { Monitoring } from '../http/monitoring/monitoring.ts'
import { createRegistryHost, type Warning } from '../http/registry-host.ts'
import type { DoubtedOrigin } from '../http/request/doubted-origin.ts'
import type { RequestMeter } from '../http/request/request-meter.ts'
import { createAccessLog } from '../log/access-line.ts'
import { createBackupFacts } from '../metadata/backup/create-backup-facts.ts'
import { createCollectionFacts } from '../metadata/collection/create-collection-facts.ts'
import { createRoundFacts } from '../metadata/collection/create-round-facts.ts'
import type { Metadata } from '../metadata/metadata.ts'
import type { MetadataSchema } from '../metadata/schema.ts'
import { createScrubFacts } from '../metadata/scrub/create-scrub-facts.ts'
import { createClientMetadata } from '../metadata/sql-metadata.ts'
import type { ProcessMetrics } from '../metrics/process-metrics.ts'
import { createRegistry } from '../registry/create-registry.ts'
import type { ManifestUses } from '../registry/pull/manifest-uses.ts'
import type { UploadTurns } from '../registry/push/upload-locks.ts'
import type { RoomMeter } from '../registry/push/upload-room.ts'
import type { UnsentBytes } from '../stream/unsent-bytes.ts'
import { createTokenService } from '../tokens/access/token-service.ts'
import { createRefreshTokenService } from '../tokens/refresh/refresh-tokens.ts'
import type { BackgroundWork } from './background-work.ts'
import { findBackupTrouble } from './backup/find-trouble.ts'
import type { CertificateExpiry } from './certificates/certificate-expiry.ts'
import { findLate } from './collection/find-late.ts'
import type { Store } from './data/open-store.ts'
import { noteRequest } from './events/note-requests.ts'
import { noteLogIns } from './events/record-accounts.ts'
import { logFailure } from './faults/log-failure.ts'
import { createBlobPlace, openBlobs } from './folders/blob-place.ts'
import { createRoomMeters } from './folders/disk-floor.ts'
import { createCredentialSource, createRequestMeter } from './metrics/seams/measure-seams.ts'
import { rememberBriefly } from './remember-briefly.ts'
import type { Activity } from './status/activity.ts'
import type { Tracing } from './traces/open-tracing.ts'

/** Time for which warnings of `/readyz` that read several indexes are remembered, in milliseconds: anyone may request it. */
const WARNINGS_KNOWN_MS = 1_000
/** The same for damaged content, which is counted. */
const DAMAGES_KNOWN_MS = 5_000

/** The bytes and the facts of a registry. */
export interface Contents {
  readonly blobs: BlobStore
  readonly metadata: Metadata
}

/** Dependencies of the registry's host. */
interface RegistryContext {
  readonly config: Config
  readonly store: Store
  readonly contents: Contents
  readonly logger: Logger
  /** True if the server is about to end: then it is not ready. */
  readonly isStopping: () => boolean
  /** Present if several processes serve: their common turns. */
  readonly uploadTurns: UploadTurns | undefined
  readonly expiry: CertificateExpiry
  readonly unsentBytes: UnsentBytes
  /** Counts requests; undefined: nothing does. */
  readonly metrics: ProcessMetrics | undefined
  /** Counts the requests of this process. */
  readonly activity: Activity
  /** Events of acts that change nothing, which the caller writes. */
  readonly notes: EventNotes
  /** Work that requests of the admin API begin, which the caller stops. */
  readonly background: BackgroundWork
  /** Pulls of this process, which the caller writes. */
  readonly uses: ManifestUses
  /** Text of a scrape of the whole server. */
  readonly scrape: () => Promise<string>
}

/** Opens the contents of a configuration. Errors: `AppError`. */
export async function openContents(
  parts: Pick<Parameters<typeof openBlobs>[1], 'logger' | 'headroom' | 'collector'> & {
    config: Config
    metrics: ProcessMetrics | undefined
    traces: Tracing | undefined
  },
  database: Database<MetadataSchema>,
): Promise<Contents> {
  const { metrics, traces } = parts
  const onSync =
    metrics && ((ms: number) => metrics.meter.observe('berth_storage_sync_duration_seconds', ms / 1_000))
  const blobs = await openBlobs(parts.config, { ...parts, onSync })
  return {
    blobs: traces ? traces.traceBlobs(blobs) : blobs,
    metadata: createClientMetadata(database),
  }
}

/** Puts together the handler of the registry's host. */
export async function openRegistry(context: RegistryContext): Promise<Served> {
  const { config, store, contents, logger, isStopping, uploadTurns, expiry } = context
  const { database, accounts } = store
  const bounds = createSharedBounds(context.unsentBytes)
  context.activity.showTransfers(() => bounds.transfers.list())
  const logAccess = createAccessLog(logger)
  const scrub = createScrubFacts(database)
  const countDamages = rememberBriefly(() => scrub.countDamages(), DAMAGES_KNOWN_MS)
  const findSlow = rememberBriefly(
    async () => [
      ...(await findLateWarnings(config, database, contents.metadata)),
      ...(await findBackupWarnings(config, database)),
    ],
    WARNINGS_KNOWN_MS,
  )
  const rooms = createRoomMeters(config, { blobs: contents.blobs, place: createBlobPlace(config) })
  const monitoring = await loadMonitoring(context, rooms)
  let console: Promise<Console> | undefined
  return createRegistryHost({
    openConsole: () => {
      console ??= loadConsole(context)
      return console
    },
    registry: createRegistry({
      ...contents,
      policy: {
        isDeleteAllowed: config.deleteEnabled,
        isSparseAllowed: config.sparseManifests,
        maxBlobBytes: config.maxBlobBytes,
      },
      uploadTurns,
      rooms,
      uses: context.uses,
      onUnreadExpiry: ({ repository, digest, label }) =>
        logger.warn(
          { repository, digest, label },
          'a label of an image for the time after which it expires is no duration such as 12h or 3d: it does not count',
        ),
      onBlobDamage: ({ digest, size, found }) =>
        logger.error(
          { digest, size, found },
          `the bytes of a blob are ${found === undefined ? 'missing' : 'damaged'}: push an image that has it again`,
        ),
    }),
    rules: createRuleSource(database),
    bounds,
    meter: context.metrics && measureRequests(context.metrics, { bounds, guard: store.guard }),
    accounts: noteLogIns(accounts, context.notes.noteLogIn),
    tokens: await createTokenService({ database, lifetimeS: config.tokenLifetimeS }),
    refreshTokens: await createRefreshTokenService({
      database,
      findEnabled: (name, credential) => accounts.findEnabled(name, credential),
      onReuse: ({ name, id }) =>
        logger.warn(
          { account: name, logIn: id },
          'a refresh token was used again after its successor: the log-in is ended',
        ),
    }),
    publicUrl: config.publicUrl,
    onDoubtedOrigin: (doubted) => logger.warn({ proxy: doubted.address }, adviceOn(doubted)),
    relativeUrls: config.relativeUrls,
    corsOrigins: config.corsOrigins,
    responseHeaders: config.responseHeaders,
    authRealm: config.authRealm,
    monitoring,
    isStopping,
    isTakenOut: () => config.healthFile !== undefined && existsSync(config.healthFile),
    warnings: async () => [
      ...toWarnings(expiry),
      ...(await findUpkeepWarnings(contents.metadata)),
      ...(await findSlow()),
      ...toDamageWarnings(await countDamages()),
    ],
    logAccess(line) {
      logAccess(line)
      noteRequest(context.notes, line, config.audit)
      context.activity.note(line)
    },
    logFailure: (error, id) => logFailure(logger, error, id),
  })
}

/** Loaded at the first request: most registries are never managed by it, and its parts take memory. */
async function loadConsole({ config, store, contents, background }: RegistryContext): Promise<Console> {
  const [{ openConsole }, { createConsoleParts }] = await Promise.all([
    import('../console/open-console.ts'),
    import('./console/create-parts.ts'),
  ])
  const rules = createRuleSource(store.database)
  return openConsole(createConsoleParts({ config, store, contents, background, rules }))
}

/** Loaded here: most servers have no token. */
async function loadMonitoring(
  { config, contents, logger, isStopping, expiry, scrape }: RegistryContext,
  rooms: readonly RoomMeter[],
): Promise<Monitoring | undefined> {
  const { monitoringTokenFile: path } = config
  if (path === undefined) return undefined
  const { openMonitoring } = await import('./monitoring/open-monitoring.ts')
  const { metadata: database, blobs: storage } = contents
  return openMonitoring({ path, config, logger, scrape, isStopping, expiry, rooms, database, storage })
}

/** Counts requests, and reads what is under way in this process. */
function measureRequests(
  metrics: ProcessMetrics,
  { bounds, guard }: { bounds: SharedBounds; guard: Store['guard'] },
): RequestMeter {
  metrics.add({
    name: 'bounds',
    read: async () => (meter) => {
      meter.set('berth_transfers_in_progress', bounds.transfers.count)
      meter.set('berth_password_hash_jobs', guard.queue.running, { state: 'running' })
      meter.set('berth_password_hash_jobs', guard.queue.waiting, { state: 'waiting' })
    },
  })
  metrics.add(createCredentialSource(guard.cache))
  return createRequestMeter(metrics)
}

function adviceOn({ kind, address, url }: DoubtedOrigin): string {
  return kind === 'untrusted'
    ? `a proxy says that clients use TLS, and is not believed: they will not log in. Set public-url to ${url}, or trusted-proxies to ${address}`
    : `a proxy does not say whether clients use TLS: those that do will not log in, as they are sent to http://. Let it send X-Forwarded-Proto, or set public-url to ${url}`
}

/** For `/readyz`. Words of the operator are left out, as anyone may read it. */
async function findUpkeepWarnings({ findSwitch }: Metadata): Promise<Warning[]> {
  const readOnly = await findSwitch('read-only')
  return readOnly ? [{ code: 'READ_ONLY', since: readOnly.since.toISOString() }] : []
}

/** For `/readyz`: "berth gc status" has more. */
async function findLateWarnings(
  config: Config,
  database: Store['database'],
  switches: Metadata,
): Promise<Warning[]> {
  const facts = createCollectionFacts(database)
  const rounds = createRoundFacts(database)
  const since = await findLate({ config, facts, rounds, switches, now: database.now })
  return since ? [{ code: 'COLLECTION_LATE', since: since.toISOString() }] : []
}

/** For `/readyz`. The reason is in the log. */
async function findBackupWarnings(config: Config, database: Store['database']): Promise<Warning[]> {
  const trouble = await findBackupTrouble(config, createBackupFacts(database), database.now())
  if (!trouble) return []
  const code = trouble.kind === 'late' ? ('BACKUP_LATE' as const) : ('BACKUP_FAILED' as const)
  const count = trouble.failures > 0 ? { count: trouble.failures } : {}
  return [{ code, ...count, since: trouble.since.toISOString() }]
}

/** For `/readyz`: "berth scrub list" has the names. */
function toDamageWarnings({ count, since }: { count: number; since: Date | undefined }): Warning[] {
  return since === undefined ? [] : [{ code: 'CONTENT_DAMAGED', count, since: since.toISOString() }]
}

/** For `/readyz`, which anyone may read: hosts and files are in the log. */
function toWarnings(expiry: CertificateExpiry): Warning[] {
  const expired = expiry.expired(Date.now())
  if (expired.length === 0) return []
  const first = Math.min(...expired.map(({ notAfter }) => notAfter))
  return [{ code: 'CERTIFICATE_EXPIRED', count: expired.length, since: new Date(first).toISOString() }]
}
