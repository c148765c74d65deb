import { realpathSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { formatDatabase, type PostgresConfig, type SqliteConfig } from '../../config/database.ts'
import { databaseFile } from '../folders/data-folder.ts'

/** A database, wherever it is: that of SQLite with its data folder. */
export type DatabasePlace = (SqliteConfig & { readonly dataDir: string }) | PostgresConfig

/** The database of a configuration. */
export function toDatabasePlace({ database, dataDir }: Pick<Config, 'database' | 'dataDir'>): DatabasePlace {
  return database.engine === 'sqlite' ? { engine: 'sqlite', dataDir } : database
}

/** Names a database to people, and to copies of it: the same one always alike, and without secrets or settings. */
export function formatDatabaseName(place: DatabasePlace): string {
  if (place.engine === 'sqlite') return databaseFile(realPath(place.dataDir))
  return formatDatabase(place, undefined).replace(/\?.*$/, '')
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // A folder that does not exist yet has its future name.
    return path
  }
}
