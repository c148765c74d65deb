import type { Logger } from 'pino'
import { createHtpasswdChecker } from '../../accounts/log-in/htpasswd-checker.ts'
import type { Config } from '../../config/config.ts'
import type { FrontDoorConfig } from '../../config/front-door.ts'
import type { ListenAddress } from '../../config/listen-address.ts'
import { createSiteHandler } from '../../front-door/answer/serve-site.ts'
import { openSiteLog, type SiteLog } from '../../front-door/answer/site-access-log.ts'
import { createFrontDoor } from '../../front-door/front-door.ts'
import type { AnswerGate } from '../../front-door/listen/answer-gate.ts'
import type { DoorListener } from '../../front-door/listen/door-listener.ts'
import { AnswerHolds } from '../../front-door/listen/http/limits/answer-holds.ts'
import { HostTable } from '../../front-door/sites/host-table.ts'
import type { ChallengeSource, LimitGate } from '../../front-door/sites/ports.ts'
import type { Site } from '../../front-door/sites/site.ts'
import type { Served } from '../../front-door/visit/served.ts'
import type { ProcessMetrics } from '../../metrics/process-metrics.ts'
import type { ChunkCollector } from '../../stream/chunk-collector.ts'
import type { UnsentBytes } from '../../stream/unsent-bytes.ts'
import { type CertificateExpiry, servedBySites } from '../certificates/certificate-expiry.ts'
import type { Certificates } from '../certificates/certificate-source.ts'
import type { Store } from '../data/open-store.ts'
import { AppError } from '../faults/app-error.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { createFailureCounter, createSiteCounter } from '../metrics/seams/measure-seams.ts'
import { createSiteSource } from '../metrics/seams/site-source.ts'
import type { Tracing } from '../traces/open-tracing.ts'
import { listenAll } from './listeners.ts'

/** Called with each table of hosts, and its sites. */
export type SitesListener = (sites: readonly Site[], table: HostTable<Site>) => void

/** Source of the front door's sites and certificates. */
export interface DoorSource {
  readonly certificates: Certificates
  readonly challenges: ChallengeSource
  /** Calls back with each table; the first one before it settles. Called once. */
  watchSites(onSites: SitesListener): Promise<void>
}

/** Counts the requests of sites, and among them those of the registry. */
interface SiteActivity {
  nameRegistry(site: string): void
  noteSite(line: Parameters<NonNullable<SiteLog['count']>>[0], site: string): void
}

/** Dependencies of {@link openFrontDoor}. */
interface FrontDoorContext {
  readonly config: Config
  readonly door: FrontDoorConfig
  readonly source: DoorSource
  readonly store: Store
  readonly limits: LimitGate
  /** Present if other processes serve, too, and write to the same logs. */
  readonly together: { readonly ticketSecret: Uint8Array } | undefined
  /** Requests wait until it is open. */
  readonly gate: AnswerGate
  /** Gets the certificates of the hosts. */
  readonly expiry: CertificateExpiry
  readonly logger: Logger
  readonly resources: AsyncDisposableStack
  readonly served: Served
  readonly unsentBytes: UnsentBytes
  readonly collector: ChunkCollector
  readonly newRequestId: () => string
  /** Counts the requests of this process, for commands. */
  readonly activity: SiteActivity
  /** Undefined: nothing is counted. */
  readonly metrics: ProcessMetrics | undefined
  /** Undefined: nothing is traced. */
  readonly traces: Tracing | undefined
}

/**
 * Opens the front door of a configuration and listens.
 * Errors: `AppError`; what was opened is in `resources`.
 */
export async function openFrontDoor(context: FrontDoorContext): Promise<DoorListener[]> {
  const { config, door, source, store, logger, resources } = context
  const holds = new AnswerHolds(context.unsentBytes)
  const handler = resources.use(createHandler(context, holds))
  const frontDoor = createFrontDoor(
    {
      certificates: source.certificates,
      challenges: source.challenges,
      handler,
      holds,
      served: context.served,
      gate: context.gate,
      trustedProxies: config.trustedProxies,
      proxyProtocolFrom: door.proxyProtocolFrom,
      proxyProtocol: door.proxyProtocol,
      challengeFolder: NGINX_CHALLENGES,
      tlsPolicy: door.tlsPolicy,
      externalHttpsPort: door.externalHttpsPort ?? portOf(config.listenHttps) ?? 443,
      externalHttpPort: door.externalHttpPort,
      newRequestId: context.newRequestId,
      beginTrace: context.traces?.begin,
      ticketSecret: context.together?.ticketSecret,
      onClientRefused: (refused) => logger.info(refused, 'a client certificate is not accepted'),
      logFailure: (err) => logger.error({ err }, 'a request could not be served'),
    },
    new HostTable<Site>([]),
  )
  const [registry] = door.domains
  if (registry !== undefined) context.activity.nameRegistry(registry)
  let current: readonly Site[] = []
  context.metrics?.add(createSiteSource(() => current))
  await source.watchSites((sites, table) => {
    current = sites
    frontDoor.setSites(table)
    context.expiry.served = () => servedBySites(sites, source.certificates)
    store.accounts.setHtpasswdFiles(registryPasswordFiles(sites))
  })
  return listenAll(config, (address, isTls) => frontDoor.listen(address, { isTls }))
}

/** The port of an address; a Unix socket has none. */
function portOf(address: ListenAddress | undefined): number | undefined {
  return address?.path === undefined ? address?.port : undefined
}

function createHandler(context: FrontDoorContext, holds: AnswerHolds): ReturnType<typeof createSiteHandler> {
  const { config, door, store, limits, together, logger, resources, served, collector } = context
  const lineLog = door.siteLog === 'off' ? undefined : openLog(door, logger, together !== undefined)
  const siteLog = withCounts(lineLog, context)
  if (lineLog) {
    resources.defer(() => lineLog.close())
    const reopen = (): void => lineLog.reopen()
    process.on('SIGHUP', reopen)
    resources.defer(() => void process.off('SIGHUP', reopen))
  }
  const checker = resources.use(
    createHtpasswdChecker({
      guard: store.guard,
      weakHashes: config.weakHashes,
      onChange: (status, file) => {
        const isFine = status.problem === undefined && status.warnings.length === 0
        logger[isFine ? 'info' : 'warn']({ file, ...status }, 'htpasswd file read')
      },
    }),
  )
  const files = {
    dotfiles: door.serveDotfiles,
    symlinks: door.serveSymlinks,
    closedFolders: [
      config.dataDir,
      ...createBlobPlace(config).folders,
      door.certsDir,
      door.htpasswdDir,
    ].filter((folder) => folder !== undefined),
  }
  const onUpstreamFailure = context.metrics && createFailureCounter(context.metrics.meter)
  const parts = { served, limits, passwords: checker, logger, siteLog, files, holds, collector }
  return createSiteHandler({ ...parts, onUpstreamFailure })
}

/** A log that counts each request, also if there are no lines. */
function withCounts(
  log: SiteLog | undefined,
  { activity, metrics }: Pick<FrontDoorContext, 'activity' | 'metrics'>,
): SiteLog {
  const count = metrics && createSiteCounter(metrics.meter)
  return {
    write: (line, place) => log?.write(line, place),
    count(line, site) {
      activity.noteSite(line, site)
      count?.(line, site)
    },
    reopen: () => log?.reopen(),
    close: async () => log?.close(),
  }
}

function openLog({ siteLog, siteLogFormat }: FrontDoorConfig, logger: Logger, isShared: boolean): SiteLog {
  try {
    return openSiteLog(
      siteLog,
      siteLogFormat,
      (problem, file) => logger.warn({ file, problem }, 'the access log of the sites is incomplete'),
      { isShared },
    )
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new AppError(
      'SITE_LOG_UNUSABLE',
      `The access log of the sites cannot be opened at ${siteLog}${code}`,
      'Name a folder that exists and that Berth may write to, a file in one, or "stdout", with --site-log',
      error,
    )
  }
}

/** Folder of the challenge answers of certbot and acme-companion in nginx-proxy's container. */
const NGINX_CHALLENGES = '/usr/share/nginx/html/.well-known/acme-challenge'

/** The users of the registry's vhost files are accounts; each file once, in the order of the hosts. */
function registryPasswordFiles(sites: readonly Site[]): string[] {
  const own = sites.filter(({ declaration }) => declaration.source.kind === 'registry')
  return [...new Set(own.flatMap(({ server }) => server.passwordFiles))].slice(0, MAX_ACCOUNT_FILES)
}

/** Most files of the accounts, without the configuration's own. */
const MAX_ACCOUNT_FILES = 15
