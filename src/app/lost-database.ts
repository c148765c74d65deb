import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { blobFolder, distributionFacts, uploadFolder } from '../blobs/disk/layout.ts'
import type { Config } from '../config/config.ts'
import { AppError } from './app-error.ts'
import { databaseFile } from './data-folder.ts'

/**
 * Refuses to make a database beside blobs that one has named: it would be an empty registry in place of a full one, as
 * after a restore that forgot the database. The blobs of a Distribution registry, which has none, are no such sign.
 * Errors: `AppError` `DATABASE_LOST`.
 */
export function refuseLostDatabase(config: Config): void {
  const lost = findLostDatabase(config)
  if (lost) throw lost
}

/** The error `DATABASE_LOST` where a database is missing or empty beside blobs that one has named. */
export function findLostDatabase({
  dataDir,
  registryRoot,
}: Pick<Config, 'dataDir' | 'registryRoot'>): AppError | undefined {
  const file = databaseFile(dataDir)
  if (hasDatabase(dataDir) || !hasBlobs(registryRoot)) return undefined
  if (existsSync(distributionFacts(registryRoot)) && !existsSync(uploadFolder(registryRoot))) return undefined
  const state = existsSync(file) ? 'is empty' : 'is missing'
  return new AppError(
    'DATABASE_LOST',
    `The database ${file} ${state}, but ${blobFolder(registryRoot)} holds blobs: without it no image of them can be served`,
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

/** Looks at the folders of the algorithms only, whose entries are 256 at most. */
function hasBlobs(registryRoot: string): boolean {
  const folder = blobFolder(registryRoot)
  return entriesOf(folder).some((algorithm) => entriesOf(join(folder, algorithm)).length > 0)
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // What is wrong with a folder is told by those who use it.
    return []
  }
}
