import { existsSync, statSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import { AppError } from './app-error.ts'
import { blobPlaceOf } from './blob-place.ts'
import { databaseFile } from './data-folder.ts'

/**
 * Refuses to make a database beside blobs that one has named: it would be an empty registry in place of a full one, as
 * after a restore that forgot the database. The blobs of a Distribution registry, which has none, are no such sign.
 * Errors: `AppError` `DATABASE_LOST`.
 */
export async function refuseLostDatabase(config: Config): Promise<void> {
  const lost = await findLostDatabase(config)
  if (lost) throw lost
}

/** The error `DATABASE_LOST` where a database is missing or empty beside blobs that one has named. */
export async function findLostDatabase({
  dataDir,
  registryRoot,
}: Pick<Config, 'dataDir' | 'registryRoot'>): Promise<AppError | undefined> {
  if (hasDatabase(dataDir)) return undefined
  const blobs = await blobPlaceOf({ registryRoot }).findOwnBlobs()
  if (blobs === undefined) return undefined
  const file = databaseFile(dataDir)
  const state = existsSync(file) ? 'is empty' : 'is missing'
  return new AppError(
    'DATABASE_LOST',
    `The database ${file} ${state}, but ${blobs} holds blobs: without it no image of them can be served`,
    'Restore it from a backup as docs/operating.md says; without one, "berth serve --new" makes an empty database, ' +
      'the blobs stay, and clients have to push their images again',
  )
}

/** Whether a data folder holds a database. An empty file is none: SQLite would take it for a new one. */
export function hasDatabase(dataDir: string): boolean {
  try {
    const found = statSync(databaseFile(dataDir), { throwIfNoEntry: false })
    return found !== undefined && (found.size > 0 || !found.isFile())
  } catch {
    // What cannot be looked at is there: opening it will say what is wrong with it.
    return true
  }
}
