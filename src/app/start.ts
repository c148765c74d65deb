import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { BlobPlace } from '../blobs/blob-place.ts'
import type { Config } from '../config/config.ts'
import type { Headroom } from '../files/headroom.ts'
import { AnswerGate } from '../front-door/listen/answer-gate.ts'
import {
  connectionLimit,
  FEW_CONNECTIONS,
  openFileLimit,
} from '../front-door/listen/sockets/open-file-limit.ts'
import { RecentLines } from '../log/recent-lines.ts'
import { createSqlMetadata } from '../metadata/sql-metadata.ts'
import type { ProcessMetrics } from '../metrics/process-metrics.ts'
import { ChunkCollector } from '../stream/chunk-collector.ts'
import { keepBackingUp } from './backup/keep-backing-up.ts'
import { CertificateExpiry, logExpiredDaily } from './certificates/certificate-expiry.ts'
import { TlsPairWatch } from './certificates/tls-pair-watch.ts'
import { type FirstAdmin, makeFirstAdmin, prepareFirstAdmin } from './data/first-admin.ts'
import { readGivenPassword } from './data/given-password.ts'
import { logAccountTrouble, openStore, type Store } from './data/open-store.ts'
import { describeUpdate } from './database/describe-update.ts'
import { refuseLostDatabase } from './database/lost-database.ts'
import { logFrozen, logListening, logReplaced, withDatabaseFaults } from './database/open-database.ts'
import { watchDatabase } from './database/watch-database.ts'
import { findDockerUrl } from './door/find-docker-url.ts'
import { checkListeners, requireFreePorts } from './door/listeners.ts'
import type { DoorSource } from './door/open-front-door.ts'
import { warnOfLoopback } from './door/warn-of-loopback.ts'
import { keepEvents } from './events/keep-events.ts'
import { AppError } from './faults/app-error.ts'
import { requireMachine } from './faults/require-machine.ts'
import { checkStorage, createBlobPlace } from './folders/blob-place.ts'
import {
  databaseFile,
  findWideModes,
  LOCK_FILE,
  lockDataFolder,
  prepareFolder,
} from './folders/data-folder.ts'
import { openHeadroom, restoreHeadroom } from './folders/keep-headroom.ts'
import { requireWritablePlace } from './folders/require-writable-place.ts'
import { warnOfUnreadRepositories } from './folders/unread-repositories.ts'
import { keepDirectory } from './keep-directory.ts'
import { keepUpkeep } from './keep-upkeep.ts'
import { loadMetrics } from './metrics/load-metrics.ts'
import { openContents } from './open-registry.ts'
import { openServing } from './open-serving.ts'
import type { Serving, StartContext } from './start-context.ts'
import { Activity } from './status/activity.ts'
import { createServerReport, NO_WORKERS } from './status/server-report.ts'
import { openStatusSocket } from './status/status-socket.ts'
import { loadTraces } from './traces/load-traces.ts'

/** Facts announced before the first request is answered. */
export interface StartFacts {
  readonly urls: readonly string[]
  /** Set at the first start only. */
  readonly firstAdmin: FirstAdmin | undefined
}

/** Options of a start. */
interface StartOptions {
  /** Name in requests to other servers. */
  readonly userAgent?: string
  /** The file of its settings, which backups copy. */
  readonly configFile?: string | undefined
  /** True if a person sees the announcement: the first password is shown, and not written to a file. */
  readonly isSeen?: boolean
  /** True: a missing database is made even beside blobs of an earlier one. */
  readonly mayMakeDatabase?: boolean
  /** The last lines of the logger, for the reader of the status socket. */
  readonly recent?: RecentLines
  /** Called before it listens: work before that may hang in the system, on a disk. */
  readonly beforeListening?: () => void
  /** Announces that it serves, while requests wait. @returns false if that failed. */
  readonly announce?: (facts: StartFacts) => Promise<boolean>
}

/** A server that serves. */
export interface RunningBerth {
  /** URLs of the listeners, with the ports the system chose, such as `http://127.0.0.1:5000`. */
  readonly urls: readonly string[]
  /** Stops taking connections, waits for requests under way up to the drain timeout, and closes all. */
  stop(): Promise<void>
}

/**
 * Starts the server of a configuration.
 * Errors: `AppError`, `DatabaseError`; nothing is left open then.
 */
export async function startBerth(
  config: Config,
  logger: Logger,
  options: StartOptions = {},
): Promise<RunningBerth> {
  requireMachine()
  checkListeners(config)
  await requireMonitoringToken(config)
  return withDatabaseFaults(config, () => start(config, logger, options))
}

async function start(config: Config, logger: Logger, options: StartOptions): Promise<RunningBerth> {
  const { userAgent = 'Berth', isSeen = false, beforeListening, announce = async () => true } = options
  if (!options.mayMakeDatabase) await refuseLostDatabase(config)
  await using resources = new AsyncDisposableStack()
  if (isFirstStart(config)) await checkFirstStart(config)
  await prepareFolder(config.dataDir)
  resources.use(lockDataFolder(config.dataDir))
  await warnOfMachine(config, logger)
  const headroom = openHeadroom(config, logger)
  const metrics = await loadMetrics(config, { role: config.workers === 1 ? 'server' : 'primary', resources })
  // With workers only they serve requests.
  const traces = config.workers === 1 ? await loadTraces(config, { logger, metrics, resources }) : undefined
  // Only SQLite needs the room that it reserves.
  if (config.database.engine === 'sqlite') resources.use(await restoreHeadroom(headroom, logger))
  const store = resources.adopt(await openOwnStore(config, { headroom, metrics, traces, logger }), (opened) =>
    opened.close(),
  )
  await checkHtpasswd(config, store)
  const collector = new ChunkCollector()
  const contents = await openContents(
    { config, logger, headroom, collector, metrics, traces },
    store.database,
  )
  resources.defer(() => contents.blobs.close())
  const place = createBlobPlace(config)
  await checkStorage(place)
  await warnOfUnreadRepositories(place, logger)
  resources.use(watchDatabase(store.database, { logger }))
  await watchRunningImages({ config, store, logger, resources })
  resources.use(keepUpkeep({ config, logger, place, contents, database: store.database }))
  if (config.ldap) resources.use(keepDirectory(store.accounts, logger))
  resources.use(keepEvents({ config, logger, database: store.database, metrics, userAgent }))
  resources.use(backUpBySchedule({ config, logger, place, contents, store }, options))
  const tls = config.tls && resources.use(await TlsPairWatch.open(config.tls, { logger }))
  const expiry = new CertificateExpiry(tls)
  resources.use(logExpiredDaily(expiry, logger))
  const state = { isStopping: false }
  const activity = new Activity()
  // Requests wait until it is settled, below.
  const scrape = Promise.withResolvers<() => Promise<string>>()
  const context = {
    config,
    store,
    contents,
    logger,
    collector,
    tls,
    expiry,
    resources,
    userAgent,
    metrics,
    traces,
    activity,
    scrape: async () => (await scrape.promise)(),
  }
  beforeListening?.()
  const { urls, answer, readOthers, inspect } =
    config.workers === 1
      ? await serveAlone({ ...context, isStopping: () => state.isStopping })
      : await serveByWorkers(context)
  await reportStatus({ ...context, urls, inspect }, options.recent)
  const firstAdmin = await prepareFirstAdmin(store.accounts, {
    dataDir: config.dataDir,
    isSeen,
    givenFile: config.adminPasswordFile,
    logger,
  })
  if (metrics) scrape.resolve(await serveMetrics({ ...context, metrics, readOthers }))
  const isAnnounced = await announce({ urls, firstAdmin })
  if (firstAdmin) await makeAnnouncedAdmin(firstAdmin, { isAnnounced, store, logger })
  answer()
  const kept = resources.move()
  return {
    urls,
    async stop() {
      state.isStopping = true
      await kept.disposeAsync()
    },
  }
}

function openOwnStore(
  config: Config,
  { logger, ...parts }: { headroom: Headroom; logger: Logger } & Pick<StartContext, 'metrics' | 'traces'>,
): Promise<Store> {
  return openStore(config, {
    ...parts,
    ...logAccountTrouble(logger),
    onUpdate: (update) => logger.warn(update, describeUpdate(update)),
    onReplaced: (file) => logReplaced(logger, file),
    onFrozen: (file) => logFrozen(logger, file),
    onListening: (problem) => logListening(logger, problem),
  })
}

/** Lets "berth status" see this server. */
async function reportStatus(
  context: StartContext & Pick<Serving, 'urls' | 'inspect'>,
  recent: RecentLines = new RecentLines(),
): Promise<void> {
  const { config, urls, inspect, activity, logger, resources, userAgent } = context
  const version = versionOf(userAgent)
  const read = createServerReport({ config, urls, version, own: { activity, recent }, inspect })
  const socket = await openStatusSocket({ dataDir: config.dataDir, logger, read })
  if (socket) resources.use(socket)
}

/** Opens the listener of the metrics of all processes, if there is one. @returns the text of a scrape. */
async function serveMetrics({
  metrics,
  readOthers,
  userAgent,
  ...context
}: StartContext & { metrics: ProcessMetrics; readOthers: Serving['readOthers'] }): Promise<
  () => Promise<string>
> {
  const { config, contents, store, expiry, logger, resources } = context
  const [{ openMetrics }, { createStateSources }] = await Promise.all([
    import('./metrics/open-metrics.ts'),
    import('./metrics/state-sources.ts'),
  ])
  const sources = createStateSources({ ...contents, config, expiry, database: store.database })
  for (const source of sources) metrics.add(source)
  const version = versionOf(userAgent)
  return openMetrics({ config, metrics, others: readOthers, logger, version }, resources)
}

function versionOf(userAgent: string): string {
  return userAgent.replace(/^Berth\//, '')
}

function backUpBySchedule(
  {
    contents,
    store,
    ...parts
  }: Pick<StartContext, 'config' | 'logger' | 'contents' | 'store'> & { place: BlobPlace },
  { userAgent = '', configFile }: StartOptions,
): AsyncDisposable {
  const version = versionOf(userAgent)
  const { database, isFrozen } = store
  return keepBackingUp({ ...parts, blobs: contents.blobs, database, isFrozen, version, configFile })
}

async function makeAnnouncedAdmin(
  firstAdmin: FirstAdmin,
  { isAnnounced, store, logger }: { isAnnounced: boolean; store: Store; logger: Logger },
): Promise<void> {
  if (!isAnnounced && firstAdmin.passwordFile === undefined && !firstAdmin.isGiven) {
    logger.error('no administrator was made: its password could not be shown')
  } else if (!(await makeFirstAdmin(store.accounts, firstAdmin))) {
    logger.warn(
      `another node made "${firstAdmin.name}" at the same moment: the password of this start is not valid, that of the other node is`,
    )
  }
}

/** Checked before a folder is made: a start that fails for one of these would leave an unused folder. */
async function checkFirstStart(config: Config): Promise<void> {
  await requireFreePorts(config)
  await requireWritablePlace(createBlobPlace(config))
  if (config.adminPasswordFile !== undefined) await readGivenPassword(config.adminPasswordFile)
}

/** Loaded here: most servers have none. */
async function requireMonitoringToken({ monitoringTokenFile }: Config): Promise<void> {
  if (monitoringTokenFile === undefined) return
  const { readMonitoringToken } = await import('./monitoring/monitoring-token.ts')
  await readMonitoringToken(monitoringTokenFile)
}

function isFirstStart({ dataDir, database }: Config): boolean {
  return !existsSync(database.engine === 'sqlite' ? databaseFile(dataDir) : join(dataDir, LOCK_FILE))
}

async function serveAlone(
  context: StartContext & { collector: ChunkCollector; isStopping: () => boolean },
): Promise<Serving> {
  const source = await openUpkeep(context)
  const gate = new AnswerGate()
  const urls = await openServing({ ...context, source, together: undefined, gate })
  return { urls, answer: () => gate.open(), readOthers: async () => [], inspect: async () => NO_WORKERS }
}

/** Loaded here: a registry alone needs none of its parts, and they take memory. */
async function openUpkeep(context: StartContext): Promise<DoorSource | undefined> {
  const { frontDoor: door } = context.config
  if (!door) return undefined
  const { openDoorUpkeep } = await import('./door/door-upkeep.ts')
  return openDoorUpkeep({ ...context, door })
}

/** Loaded here: without an engine none of its parts are needed. */
async function watchRunningImages({
  config,
  store,
  logger,
  resources,
}: Pick<StartContext, 'config' | 'store' | 'logger' | 'resources'>): Promise<void> {
  const url = findDockerUrl(config)
  if (url === undefined) return
  const { keepRunningImages } = await import('./in-use/keep-running-images.ts')
  resources.use(keepRunningImages({ url, config, logger, facts: createSqlMetadata(store.database) }))
}

async function serveByWorkers(context: StartContext): Promise<Serving> {
  const { openWorkers } = await import('./workers/open-workers.ts')
  return openWorkers(context, openUpkeep)
}

async function warnOfMachine(config: Config, logger: Logger): Promise<void> {
  warnOfWideModes(config, logger)
  warnOfFewFiles(logger)
  await warnOfLoopback(config, logger)
}

/** Warns of modes and changes none: an operator may have set them on purpose. */
function warnOfWideModes({ dataDir }: Config, logger: Logger): void {
  const wide = findWideModes(dataDir)
  if (!wide) return
  logger.warn(
    { paths: wide.paths, cure: wide.cure },
    'other users of this machine can use the data folder, which holds password hashes and signing keys',
  )
}

/** Connections beyond the limit are closed without an answer, so the log must explain it. */
function warnOfFewFiles(logger: Logger): void {
  const connections = connectionLimit(FEW_CONNECTIONS)
  if (connections >= FEW_CONNECTIONS) return
  logger.warn(
    { openFiles: openFileLimit(), connections },
    'this process may open few files, and so accepts few connections at once and closes all others. Raise the limit: ' +
      '"ulimit -n 65536" in the shell, LimitNOFILE=65536 in a systemd unit, --ulimit nofile=65536 with Docker',
  )
}

/** An htpasswd file that is unreadable at the start is an error; later the last good copy stays in force. */
async function checkHtpasswd(config: Config, { accounts }: Store): Promise<void> {
  const status = await accounts.htpasswdStatus()
  if (status?.problem === undefined) return
  throw new AppError(
    'HTPASSWD_UNUSABLE',
    `The htpasswd file ${config.htpasswdFile} cannot be used: ${status.problem}`,
    'Mend it, or start without --htpasswd-file',
  )
}
