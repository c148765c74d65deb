import { createTokenService } from '../../tokens/access/token-service.ts'
import { removeLeftSockets } from '../door/listeners.ts'
import type { DoorSource } from '../door/open-front-door.ts'
import type { Serving, StartContext } from '../start-context.ts'
import { WorkerPool } from './worker-pool.ts'

/** Longest life of a primary whose workers have ended, in ms: time for its last lines and its exit code. */
const ENDED_MS = 2_000

/**
 * Serves a configuration by workers: this process, the primary, watches Docker and the folders, orders certificates,
 * and makes the decisions that need one process; it serves nothing itself. `resources` stops them, after a drain.
 * Errors: `AppError`, `DatabaseError`.
 */
export async function openWorkers(
  context: StartContext,
  openUpkeep: (context: StartContext) => Promise<DoorSource | undefined>,
): Promise<Serving> {
  const { config, store, logger, resources } = context
  // Made here: else each worker would make a first key of a new registry.
  await createTokenService({ database: store.database, lifetimeS: config.tokenLifetimeS })
  const pool = new WorkerPool({ config, logger, isFrozen: store.isFrozen, scrape: context.scrape })
  const { relay } = pool
  const source = await openUpkeep({ ...context, relay, onContainers: (found) => pool.setContainers(found) })
  // `node:cluster` may keep the listener of a worker that was killed as it began; nothing else would end this process then.
  resources.defer(() => void setTimeout(() => process.exit(), ENDED_MS).unref())
  resources.use(pool)
  const onHangup = (): void => pool.hangUp()
  if (config.frontDoor && config.frontDoor.siteLog !== 'off') {
    process.on('SIGHUP', onHangup)
    resources.defer(() => void process.off('SIGHUP', onHangup))
  }
  // First, so that the workers begin with the existing containers.
  await source?.watchSites(() => {})
  await removeLeftSockets(config)
  return {
    urls: await pool.start(),
    answer: () => pool.answer(),
    readOthers: () => pool.readMetrics(),
    inspect: (kind) => pool.inspect(kind),
  }
}
