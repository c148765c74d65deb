import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { createHtpasswdChecker } from '../accounts/htpasswd-checker.ts'
import { certificateFolders, searchedFolders } from '../certificates/certificate-folders.ts'
import { CertificateStore } from '../certificates/certificate-store.ts'
import type { Config, ListenAddress } from '../config/config.ts'
import type { FrontDoorConfig } from '../config/front-door.ts'
import { clientDemandOf } from '../front-door/client-certificates.ts'
import { describeSite } from '../front-door/describe-site.ts'
import type { DoorListener } from '../front-door/door-listener.ts'
import { createFrontDoor } from '../front-door/front-door.ts'
import { HostTable } from '../front-door/host-table.ts'
import { createSiteHandler } from '../front-door/serve-site.ts'
import type { Site } from '../front-door/site.ts'
import { openSiteLog, type SiteLog } from '../front-door/site-access-log.ts'
import { AppError } from './app-error.ts'
import { createCertificateSource } from './certificate-source.ts'
import { listenAll } from './listeners.ts'
import { nginxFolder } from './nginx-folders.ts'
import { type Acme, openAcme } from './open-acme.ts'
import { openAuthority } from './open-authority.ts'
import type { Store } from './open-store.ts'
import { SiteBoard, wishesOf } from './site-board.ts'
import { writeSiteReport } from './site-report.ts'
import type { TlsPairWatch } from './tls-pair-watch.ts'
import { watchDocker } from './watch-docker.ts'

/** Quiet time before the report for `berth site list` is written, in milliseconds: containers come in groups. */
const REPORT_DELAY_MS = 200

/** What the front door stands before, and who it asks. */
export interface FrontDoorContext {
  readonly config: Config
  readonly door: FrontDoorConfig
  readonly store: Store
  readonly tls: TlsPairWatch | undefined
  readonly logger: Logger
  readonly resources: AsyncDisposableStack
  readonly registry: (request: IncomingMessage, response: ServerResponse) => void
  readonly newRequestId: () => string
  readonly userAgent: string
}

/**
 * Opens the front door of a configuration: certificates, virtual hosts, listeners.
 * Errors: `AppError`, `CertificateError`, `AcmeError`; what was opened is in `resources`.
 */
export async function openFrontDoor(context: FrontDoorContext): Promise<DoorListener[]> {
  const { config, door, logger, resources } = context
  const folders = certificateFolders(config.dataDir, door.certsDir ?? nginxFolder('certs'))
  const reporter = new Reporter(config.dataDir, logger)
  resources.use(reporter)
  const store = resources.use(
    await CertificateStore.open({
      folders: searchedFolders(folders),
      log: logger,
      onChange: () => reporter.changed(),
    }),
  )
  const authority = await openAuthority({ folder: folders.authority, names: door.domains }, logger)
  const certificates = createCertificateSource({
    store,
    authority,
    given: context.tls && { pair: context.tls, names: door.domains },
    acmeStatus: () => acme.status(),
  })
  const { userAgent } = context
  const acme: Acme = resources.use(
    await openAcme({ config, acme: door.acme, folders, store, logger, userAgent }),
  )
  const handler = resources.use(createHandler(context))
  const frontDoor = createFrontDoor(
    {
      certificates,
      challenges: acme.challenges,
      handler,
      health: context.registry,
      trustedProxies: config.trustedProxies,
      proxyProtocolFrom: door.proxyProtocolFrom,
      tlsPolicy: door.tlsPolicy,
      externalHttpsPort: door.externalHttpsPort ?? portOf(config.listenHttps) ?? 443,
      externalHttpPort: door.externalHttpPort,
      newRequestId: context.newRequestId,
      onClientRefused: (refused) => logger.info(refused, 'a client certificate is not taken'),
      logFailure: (err) => logger.error({ err }, 'a request could not be served'),
    },
    new HostTable<Site>([]),
  )
  const onSites = (sites: readonly Site[], table: HostTable<Site>): void => {
    frontDoor.setSites(table)
    context.store.accounts.setHtpasswdFiles(registryPasswordFiles(sites))
    acme
      .setWishes(wishesOf(sites, door.acme.scope))
      .catch((err: unknown) => logger.error({ err }, 'certificates could not be asked for'))
    reporter.describe = () =>
      sites.map((site) => {
        const { declaration } = site
        const demand = clientDemandOf(declaration, certificates)
        return describeSite(site, certificates.describe(declaration), demand)
      })
    reporter.changed()
  }
  const board = resources.use(await SiteBoard.open({ door, logger, onSites }))
  const docker = await watchDocker(door, {
    logger,
    onDeclarations: (declarations) => board.setContainers(declarations),
    onState: (state) => {
      reporter.docker = state
      reporter.changed()
    },
  })
  if (docker) resources.use(docker)
  return listenAll(config, (address, isTls) => frontDoor.listen(address, { isTls }))
}

/** The port of an address; a Unix socket has none. */
function portOf(address: ListenAddress | undefined): number | undefined {
  return address?.path === undefined ? address?.port : undefined
}

function createHandler({
  config,
  door,
  store,
  logger,
  resources,
  registry,
}: FrontDoorContext): ReturnType<typeof createSiteHandler> {
  const siteLog = door.siteLog === 'off' ? undefined : openLog(door, logger)
  if (siteLog) {
    resources.defer(() => siteLog.close())
    const reopen = (): void => siteLog.reopen()
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
  return createSiteHandler({ registry, passwords: checker, logger, siteLog })
}

function openLog({ siteLog, siteLogFormat }: FrontDoorConfig, logger: Logger): SiteLog {
  try {
    return openSiteLog(siteLog, siteLogFormat, (problem, file) =>
      logger.warn({ file, problem }, 'the access log of the sites is not whole'),
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

/** The users of the registry's vhost files are accounts; each file once, in the order of the hosts. */
function registryPasswordFiles(sites: readonly Site[]): string[] {
  const own = sites.filter(({ declaration }) => declaration.source.kind === 'registry')
  return [...new Set(own.flatMap(({ server }) => server.passwordFiles))].slice(0, MAX_ACCOUNT_FILES)
}

/** What accounts take, one of them the configuration's own. */
const MAX_ACCOUNT_FILES = 15

/** Writes the report that `berth site list` reads, after changes. */
class Reporter implements AsyncDisposable {
  /** Asked when the report is written. */
  describe: () => Parameters<typeof writeSiteReport>[1]['sites'] = () => []
  docker = 'Docker is not watched'
  readonly #dataDir: string
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(dataDir: string, logger: Logger) {
    this.#dataDir = dataDir
    this.#logger = logger
  }

  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#writing = this.#writing.then(() => this.#write())
    }, REPORT_DELAY_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer)
    await this.#writing
  }

  async #write(): Promise<void> {
    try {
      const report = { writtenAt: new Date().toISOString(), docker: this.docker, sites: this.describe() }
      await writeSiteReport(this.#dataDir, report)
    } catch (err) {
      this.#logger.warn(
        { err, file: join(this.#dataDir, 'sites.json') },
        'the report of sites cannot be written',
      )
    }
  }
}
