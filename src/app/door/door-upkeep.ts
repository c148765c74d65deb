import { join } from 'node:path'
import type { Logger } from 'pino'
import type { AnswerRelay } from '../../certificates/acme/challenges/challenge-board.ts'
import type { Config } from '../../config/config.ts'
import type { FrontDoorConfig } from '../../config/front-door.ts'
import type { LostContainer } from '../../front-door/docker/declare/container-sites.ts'
import { decideClientDemand } from '../../front-door/sites/client-certificates.ts'
import { describeSite } from '../../front-door/sites/describe-site.ts'
import type { AcmeWish, SiteDeclaration } from '../../front-door/sites/site-declaration.ts'
import { type CertificateExpiry, servedBySites } from '../certificates/certificate-expiry.ts'
import { type Acme, openAcme } from '../certificates/open-acme.ts'
import { openCertificates } from '../certificates/open-certificates.ts'
import type { TlsPairWatch } from '../certificates/tls-pair-watch.ts'
import type { DoorSource, SitesListener } from './open-front-door.ts'
import { SiteBoard, toWishes } from './site-board.ts'
import { writeSiteReport } from './site-report.ts'
import { watchDocker } from './watch-docker.ts'

/** Quiet time before the report for `berth site list` is written, in milliseconds: containers come in groups. */
const REPORT_DELAY_MS = 200

/** Dependencies of the upkeep of a front door. */
export interface DoorUpkeepContext {
  readonly config: Config
  readonly door: FrontDoorConfig
  readonly tls: TlsPairWatch | undefined
  /** Gets the certificates of the hosts. */
  readonly expiry: CertificateExpiry
  readonly logger: Logger
  readonly resources: AsyncDisposableStack
  readonly userAgent: string
  /** Passes open challenges on to other processes that listen. */
  readonly relay?: AnswerRelay | undefined
  /** Passes the declarations of containers on to other processes that listen. */
  readonly onContainers?: ((declarations: readonly SiteDeclaration[]) => void) | undefined
}

/**
 * Opens the work that one process does for a whole front door: watching Docker and the folders, orders at CAs, and the
 * report for `berth site list`. Errors: `CertificateError`, `AcmeError`; what was opened is in `resources`.
 */
export async function openDoorUpkeep(context: DoorUpkeepContext): Promise<DoorSource> {
  const { config, door, logger, resources, userAgent, onContainers } = context
  const reporter = resources.use(new Reporter(config.dataDir, logger))
  const { folders, store, source } = await openCertificates({
    ...context,
    onChange: () => reporter.changed(),
    acmeStatus: () => acme.status(),
  })
  const acme: Acme = resources.use(
    await openAcme({ config, acme: door.acme, folders, store, logger, userAgent, relay: context.relay }),
  )
  let ordered = ''
  const order = (wishes: readonly AcmeWish[]): void => {
    const text = JSON.stringify(wishes)
    // Most changes of hosts do not concern certificates, of which there may be thousands.
    if (text === ordered) return
    ordered = text
    acme.setWishes(wishes).catch((err: unknown) => logger.error({ err }, 'certificates could not be ordered'))
  }
  const watchSites = async (onSites: SitesListener): Promise<void> => {
    const board = resources.use(
      await SiteBoard.open({
        door,
        logger,
        onSites(sites, table) {
          onSites(sites, table)
          context.expiry.served = () => servedBySites(sites, source)
          order(toWishes(sites, door.acme.scope))
          reporter.describe = () => {
            const certificateOf = source.describeAll()
            return sites.map((site) => {
              const { declaration } = site
              const demand = decideClientDemand(declaration, source)
              return describeSite(site, certificateOf(declaration), demand)
            })
          }
          reporter.changed()
        },
      }),
    )
    const docker = await watchDocker(door, {
      logger,
      onDeclarations(declarations) {
        onContainers?.(declarations)
        board.setContainers(declarations)
      },
      onLost(lost) {
        reporter.unread = lost
        reporter.changed()
      },
      onState(state) {
        reporter.docker = state
        reporter.changed()
      },
    })
    if (docker) resources.use(docker)
  }
  return { certificates: source, challenges: acme.challenges, watchSites }
}

/** Writes the report that `berth site list` reads, after changes. */
class Reporter implements AsyncDisposable {
  /** Called when the report is written. */
  describe: () => Parameters<typeof writeSiteReport>[1]['sites'] = () => []
  docker = 'Docker is not watched'
  unread: readonly LostContainer[] = []
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
      const report = {
        writtenAt: new Date().toISOString(),
        docker: this.docker,
        sites: this.describe(),
        unread: this.unread,
      }
      await writeSiteReport(this.#dataDir, report)
    } catch (err) {
      this.#logger.warn(
        { err, file: join(this.#dataDir, 'sites.json') },
        'the report of sites cannot be written',
      )
    }
  }
}
