import { realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { formatDatabaseName, toDatabasePlace } from '../database/database-place.ts'
import {
  type FactsConfig,
  findHalfMade,
  findLostDatabase,
  hasDatabase,
  hasFacts,
} from '../database/lost-database.ts'
import { AppError } from '../faults/app-error.ts'
import { LOCK_FILE } from '../folders/data-folder.ts'
import { findRunningServers, type RunningServer } from '../folders/running-servers.ts'

/** Most servers named in one message: more would hide the remedy. */
const MAX_NAMED = 5

/** Properties of the command that needs data. */
interface RequireDataOptions {
  /** True if it has `--new`, which makes missing data. */
  readonly takesNew: boolean
}

/**
 * Sees that a configuration leads to facts, for commands: a wrong folder or database must not look like an empty one, nor
 * become a second one.
 * Errors: `AppError` `DATABASE_LOST` beside blobs; `DATA_NOT_FOUND`, which names the servers that run elsewhere on this
 * machine; `DatabaseError`.
 */
export async function requireFacts(config: FactsConfig, { takesNew }: RequireDataOptions): Promise<void> {
  const halfMade = findHalfMade(config)
  if (halfMade) throw halfMade
  if (await hasFacts(config)) return
  const lost = await findLostDatabase(config)
  if (lost) throw lost
  if (config.database.engine === 'sqlite') throw await noData(config.dataDir, takesNew)
  throw new AppError(
    'DATA_NOT_FOUND',
    `The database ${formatDatabaseName(toDatabasePlace(config))} holds no data of Berth`,
    `Name the database of the server with --database or BERTH_DATABASE${takesNew ? '; or make its tables with --new' : ''}`,
  )
}

/** Sees that a folder holds data of a server, certificates at least. Errors: `AppError` `DATA_NOT_FOUND`. */
export async function requireDataFolder(dataDir: string, { takesNew }: RequireDataOptions): Promise<void> {
  // With PostgreSQL a server leaves nothing there but its lock.
  if (hasDatabase(dataDir) || [LOCK_FILE, 'certificates'].some((name) => isThere(join(dataDir, name)))) return
  throw await noData(dataDir, takesNew)
}

async function noData(dataDir: string, takesNew: boolean): Promise<AppError> {
  const servers = await serversElsewhere(dataDir)
  const what = `There is no data of Berth in ${dataDir}`
  const make = takesNew ? `; or make ${dataDir} with --new` : ''
  const [first] = servers.flatMap((server) => (server.isInContainer ? [] : (server.dataDir ?? [])))
  return new AppError(
    'DATA_NOT_FOUND',
    servers.length === 0 ? what : `${what}, but ${inWords(servers)}`,
    first === undefined
      ? `Name the data folder of the server with --data or BERTH_DATA${make}`
      : `Give --data ${first}, or set BERTH_DATA to it${make}`,
  )
}

/** The servers that run on this machine with other data than those of a folder. */
export async function serversElsewhere(dataDir: string): Promise<RunningServer[]> {
  const own = realPath(dataDir)
  return (await findRunningServers()).filter(
    (server) => server.isInContainer || server.dataDir === undefined || realPath(server.dataDir) !== own,
  )
}

/** A sentence about a folder without a server, with the folders of running servers, if any. */
export async function withServersElsewhere(sentence: string, dataDir: string): Promise<string> {
  const servers = await serversElsewhere(dataDir)
  return servers.length === 0 ? sentence : `${sentence}, but ${inWords(servers)}`
}

/** Running servers in words: `a Berth runs here (process 12) with the data folder /srv/berth`. */
export function inWords(servers: readonly RunningServer[]): string {
  const more = servers.length - MAX_NAMED
  const named = servers
    .slice(0, MAX_NAMED)
    .map(({ pid, dataDir, isInContainer }) => {
      if (dataDir === undefined) return `a Berth of another user runs on this machine (process ${pid})`
      const where = isInContainer ? ', in a container: run the command there, with "docker exec"' : ''
      return `a Berth runs on this machine (process ${pid}) with the data folder ${dataDir}${where}`
    })
    .join('; ')
  return more > 0 ? `${named}; and ${more} more` : named
}

/** True if a path exists; one that cannot be examined counts, too: opening it gives the error. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // A folder that does not exist yet has its future name.
    return path
  }
}
