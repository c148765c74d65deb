import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { AccountManager } from '../accounts/accounts.ts'
import type { HtpasswdStatus } from '../accounts/htpasswd-file.ts'
import type { Config } from '../config/config.ts'
import type { Listener } from '../front-door/listener.ts'
import { createRegistryHost, type HostHandler } from '../http/registry-host.ts'
import { createAccessLog } from '../log/access-line.ts'
import { createSqlMetadata } from '../metadata/sql-metadata.ts'
import { createRegistry } from '../registry/registry.ts'
import { createRefreshTokenService } from '../tokens/refresh-tokens.ts'
import { createTokenService } from '../tokens/token-service.ts'
import { expireUploads } from '../upkeep/expire-uploads.ts'
import { runPeriodically } from '../upkeep/run-periodically.ts'
import { AppError } from './app-error.ts'
import { lockDataFolder, prepareFolder } from './data-folder.ts'
import { checkListeners, openListeners } from './listeners.ts'
import type { FrontDoorContext } from './open-front-door.ts'
import { openBlobs, openStore, type Store } from './open-store.ts'
import { TlsPairWatch } from './tls-pair-watch.ts'

/** Name of the administrator made at the first start. */
const FIRST_ADMIN = 'admin'
/** First look for abandoned uploads, after the start's own work, and the time between two looks, in milliseconds. */
const FIRST_EXPIRY_MS = 30_000
const EXPIRY_EVERY_MS = 3_600_000

/** A server that serves. */
export interface RunningBerth {
  /** URLs of the listeners, with the ports the system chose, such as `http://127.0.0.1:5000`. */
  readonly urls: readonly string[]
  /** Set at the first start only: the administrator that was created, whose password is shown once and not kept. */
  readonly firstAdmin: { readonly name: string; readonly password: string } | undefined
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
  options: { userAgent: string } = { userAgent: 'Berth' },
): Promise<RunningBerth> {
  checkListeners(config)
  await using resources = new AsyncDisposableStack()
  await prepareFolder(config.dataDir)
  resources.use(lockDataFolder(config.dataDir))
  const store = resources.adopt(
    await openStore(config, (status, file) => tellHtpasswd(logger, status, file)),
    (opened) => opened.close(),
  )
  await checkHtpasswd(config, store)
  const state = { isStopping: false }
  const newRequestId = createRequestIds()
  const parts = { store, logger, resources, newRequestId, isStopping: () => state.isStopping }
  const handle = await buildHost(config, parts)
  const registry = (request: IncomingMessage, response: ServerResponse): void => {
    void handle(request, response)
  }
  const { frontDoor: door } = config
  const context = { config, store, logger, resources, registry, newRequestId, userAgent: options.userAgent }
  const tls = config.tls && resources.use(await TlsPairWatch.open(config.tls, { logger }))
  const listeners = door
    ? await openDoor({ ...context, door, tls })
    : await openListeners(config, { handle: registry, tls })
  resources.defer(() => stopListeners(listeners, config.drainTimeoutS))
  const firstAdmin = await createFirstAdmin(store.accounts)
  const kept = resources.move()
  return {
    urls: listeners.map((listener) => listener.url),
    firstAdmin,
    async stop() {
      state.isStopping = true
      await kept.disposeAsync()
    },
  }
}

/** Loaded here: a registry alone needs none of its parts, and they take memory. */
async function openDoor(context: FrontDoorContext): Promise<Listener[]> {
  const { openFrontDoor } = await import('./open-front-door.ts')
  return openFrontDoor(context)
}

async function buildHost(
  config: Config,
  parts: {
    store: Store
    logger: Logger
    resources: AsyncDisposableStack
    newRequestId: () => string
    isStopping: () => boolean
  },
): Promise<HostHandler> {
  const { store, logger, resources, newRequestId, isStopping } = parts
  const { database } = store
  const accounts = store.accounts
  const metadata = createSqlMetadata(database)
  const blobs = await openBlobs(config)
  const registry = createRegistry({
    blobs,
    metadata,
    policy: {
      isDeleteAllowed: config.deleteEnabled,
      isSparseAllowed: config.sparseManifests,
      maxBlobBytes: config.maxBlobBytes,
    },
  })
  const expiry = runPeriodically(
    async () => {
      const removed = await expireUploads({ blobs, metadata }, hoursAgo(config.uploadMaxAgeHours))
      if (removed.sessions + removed.orphans > 0) logger.info(removed, 'abandoned uploads removed')
    },
    {
      firstMs: FIRST_EXPIRY_MS,
      everyMs: EXPIRY_EVERY_MS,
      onError: (err) => logger.error({ err }, 'abandoned uploads could not be removed'),
    },
  )
  resources.defer(() => expiry.stop())
  return createRegistryHost({
    registry,
    accounts,
    tokens: await createTokenService({ database, lifetimeS: config.tokenLifetimeS }),
    refreshTokens: createRefreshTokenService({ database, findEnabled: (name) => accounts.findEnabled(name) }),
    origin: { publicUrl: config.publicUrl, trustedProxies: config.trustedProxies },
    relativeUrls: config.relativeUrls,
    authRealm: config.authRealm,
    isStopping,
    newRequestId,
    logAccess: createAccessLog(logger),
    logFailure: (err, id) => logger.error({ err, id }, 'request failed'),
  })
}

/** An htpasswd file that cannot be read at start is a mistake to be told at once; later the last good copy serves on. */
async function checkHtpasswd(config: Config, { accounts }: Store): Promise<void> {
  const status = await accounts.htpasswdStatus()
  if (status?.problem === undefined) return
  throw new AppError(
    'HTPASSWD_UNUSABLE',
    `The htpasswd file ${config.htpasswdFile} cannot be used: ${status.problem}`,
    'Mend it, or start without --htpasswd-file',
  )
}

function tellHtpasswd(
  logger: Logger,
  { usableAccounts, warnings, problem }: HtpasswdStatus,
  file: string,
): void {
  const isFine = problem === undefined && warnings.length === 0
  logger[isFine ? 'info' : 'warn']({ file, usableAccounts, warnings, problem }, 'htpasswd file read')
}

async function stopListeners(listeners: readonly Listener[], drainTimeoutS: number): Promise<void> {
  const signal = AbortSignal.timeout(drainTimeoutS * 1000)
  await Promise.all(listeners.map((listener) => listener.stop(signal)))
}

async function createFirstAdmin(accounts: AccountManager): Promise<RunningBerth['firstAdmin']> {
  if (!(await accounts.isEmpty())) return undefined
  const password = randomBytes(15).toString('base64url')
  await accounts.add({ name: FIRST_ADMIN, password, isAdmin: true })
  return { name: FIRST_ADMIN, password }
}

/** Ids that differ between starts and grow within one: short enough to read out, cheap enough for every request. */
function createRequestIds(): () => string {
  const start = randomBytes(4).toString('hex')
  let count = 0
  return () => `${start}-${(++count).toString(36)}`
}

function hoursAgo(hours: number): Date {
  return new Date(Date.now() - hours * 3_600_000)
}
