import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { AppError } from '../faults/app-error.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { databaseFile, RESTORE_MARK } from '../folders/data-folder.ts'
import { formatDatabaseName, toDatabasePlace } from './database-place.ts'

/**
 * Refuses to make a database beside blobs of an earlier one: it would be an empty registry in place of a full one, as
 * after a restore that forgot the database. Blobs of a Distribution registry, which has no database, are no such sign.
 * Errors: `AppError` `DATABASE_LOST`.
 */
export async function refuseLostDatabase(config: Config): Promise<void> {
  const lost = await findLostDatabase(config)
  if (lost) throw lost
}

/** The error `DATABASE_LOST` if a database is missing or empty beside blobs of an earlier one. */
export async function findLostDatabase(config: FactsConfig): Promise<AppError | undefined> {
  const halfMade = findHalfMade(config)
  if (halfMade) return halfMade
  if (await hasFacts(config)) return undefined
  if (isRestoring(config)) return unfinishedRestore(config)
  const blobs = await createBlobPlace(config).findOwnBlobs()
  if (blobs === undefined) return undefined
  const links = await describeLinks(config, dirname(blobs))
  const name = formatDatabaseName(toDatabasePlace(config))
  const isMissing = config.database.engine === 'sqlite' && !existsSync(databaseFile(config.dataDir))
  return new AppError(
    'DATABASE_LOST',
    `The database ${name} ${isMissing ? 'is missing' : 'is empty'}, but ${blobs} holds blobs: without it no image of them can be served`,
    config.database.engine === 'sqlite'
      ? `Restore it from a backup ("berth restore", docs/disaster-recovery.md); without one, ${links}"berth serve --new" makes an empty database, ` +
          'the blobs stay, and clients have to push their images again'
      : `Copy the facts into it with "berth migrate --from sqlite", or restore them from a backup; without one, ${links}"berth serve --new" ` +
          'makes the tables, the blobs stay, and clients have to push their images again',
  )
}

/**
 * The error `DATABASE_LOST` if a restore into a PostgreSQL database has not ended: its tables are there before their rows. A file of
 * SQLite is put in its place whole.
 */
export function findHalfMade(config: FactsConfig): AppError | undefined {
  return config.database.engine === 'postgres' && isRestoring(config) ? unfinishedRestore(config) : undefined
}

function isRestoring({ dataDir }: FactsConfig): boolean {
  return existsSync(join(dataDir, RESTORE_MARK))
}

/** The commands that take links of Distribution over into a new database, if there are some; otherwise nothing. */
async function describeLinks(config: FactsConfig, folder: string): Promise<string> {
  const states = (await (await createBlobPlace(config).openLinks?.())?.states()) ?? []
  const adopt = `"berth adopt ${config.registryRoot} --new" brings back the images`
  if (states.includes('in-use')) return `${adopt} of the links in ${folder}; `
  if (!states.includes('adopted')) return ''
  return `"mv ${folder}/repositories.adopted ${folder}/repositories" and then ${adopt} of the last takeover; `
}

function unfinishedRestore({ dataDir }: FactsConfig): AppError {
  return new AppError(
    'DATABASE_LOST',
    `The restore into ${dataDir} has not ended: its database is not whole yet`,
    'Run the same "berth restore" again: it goes on where it was',
  )
}

/** The settings that say where facts and bytes are. */
export type FactsConfig = Pick<Config, 'dataDir' | 'registryRoot' | 'database'>

/**
 * True if the database of a configuration holds tables of Berth. Errors: `DatabaseError` if that cannot be found out.
 */
export async function hasFacts({ dataDir, database }: FactsConfig): Promise<boolean> {
  if (database.engine === 'sqlite') return hasDatabase(dataDir)
  const { isEmptyPostgres } = await import('../../database/postgres/postgres-report.ts')
  return !(await isEmptyPostgres(database))
}

/** True if a data folder holds a database. An empty file is none: SQLite would take it for a new one. */
export function hasDatabase(dataDir: string): boolean {
  try {
    const found = statSync(databaseFile(dataDir), { throwIfNoEntry: false })
    return found !== undefined && (found.size > 0 || !found.isFile())
  } catch {
    // A file that cannot be examined counts as a database: opening it gives the error.
    return true
  }
}
