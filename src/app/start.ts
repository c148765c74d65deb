import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { Logger } from 'pino'
import type { AccountManager } from '../accounts/accounts.ts'
import type { Config } from '../config/config.ts'
import { expireUploads } from '../upkeep/expire-uploads.ts'
import { runPeriodically } from '../upkeep/run-periodically.ts'
import { AppError } from './app-error.ts'
import { databaseFile, lockDataFolder, prepareFolder } from './data-folder.ts'
import type { DoorUpkeepContext } from './door-upkeep.ts'
import { checkListeners, tryListeners } from './listeners.ts'
import type { DoorSource } from './open-front-door.ts'
import { type Contents, openContents } from './open-registry.ts'
import { openServing } from './open-serving.ts'
import { openStore, type Store, tellHtpasswd } from './open-store.ts'
import { TlsPairWatch } from './tls-pair-watch.ts'
import { warnOfUnreadRepositories } from './unread-repositories.ts'

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
  if (!existsSync(databaseFile(config.dataDir))) await tryListeners(config)
  await prepareFolder(config.dataDir)
  resources.use(lockDataFolder(config.dataDir))
  const store = resources.adopt(
    await openStore(config, { onHtpasswdChange: (status, file) => tellHtpasswd(logger, status, file) }),
    (opened) => opened.close(),
  )
  await checkHtpasswd(config, store)
  const contents = await openContents({ config, logger }, store.database)
  warnOfUnreadRepositories(config.registryRoot, logger)
  resources.defer(() => contents.blobs.close())
  resources.use(removeAbandonedUploads(contents, { config, logger }))
  const tls = config.tls && resources.use(await TlsPairWatch.open(config.tls, { logger }))
  const state = { isStopping: false }
  const context = { config, store, contents, tls, logger, resources, ...options }
  const urls =
    config.workers === 1
      ? await serveAlone({ ...context, isStopping: () => state.isStopping })
      : await serveByWorkers(context)
  const firstAdmin = await createFirstAdmin(store.accounts)
  const kept = resources.move()
  return {
    urls,
    firstAdmin,
    async stop() {
      state.isStopping = true
      await kept.disposeAsync()
    },
  }
}

/** What is open before anything is served. */
export interface StartContext extends Omit<DoorUpkeepContext, 'door'> {
  readonly store: Store
  readonly contents: Contents
}

async function serveAlone(context: StartContext & { isStopping: () => boolean }): Promise<readonly string[]> {
  const source = await openUpkeep(context)
  return openServing({ ...context, source, together: undefined })
}

/** Loaded here: a registry alone needs none of its parts, and they take memory. */
async function openUpkeep(context: StartContext): Promise<DoorSource | undefined> {
  const { frontDoor: door } = context.config
  if (!door) return undefined
  const { openDoorUpkeep } = await import('./door-upkeep.ts')
  return openDoorUpkeep({ ...context, door })
}

async function serveByWorkers(context: StartContext): Promise<readonly string[]> {
  const { openWorkers } = await import('./workers/open-workers.ts')
  return openWorkers(context, openUpkeep)
}

function removeAbandonedUploads(
  { blobs, metadata }: Contents,
  { config, logger }: { config: Config; logger: Logger },
): AsyncDisposable {
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
  return { [Symbol.asyncDispose]: () => expiry.stop() }
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

async function createFirstAdmin(accounts: AccountManager): Promise<RunningBerth['firstAdmin']> {
  if (!(await accounts.isEmpty())) return undefined
  const password = randomBytes(15).toString('base64url')
  await accounts.add({ name: FIRST_ADMIN, password, isAdmin: true })
  return { name: FIRST_ADMIN, password }
}

function hoursAgo(hours: number): Date {
  return new Date(Date.now() - hours * 3_600_000)
}
