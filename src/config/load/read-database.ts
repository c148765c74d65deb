import { ConfigError } from '../config-error.ts'
import type { DatabaseConfig } from '../database.ts'
import type { ReadSetting } from '../sources/layer.ts'

/** Connections of one process: more did not raise the figures of the bench, and each takes memory of the server. */
const DEFAULT_CONNECTIONS = 10
/**
 * Connections of all processes of a node together. PostgreSQL allows 100 by default, three of them for superusers only;
 * the rest is for commands, backups and people who inspect it.
 */
const MAX_DEFAULT_TOTAL = 90
/** A process that listens for changes holds one connection beside its pool. */
const LISTENERS = 1
/** One for writing and one for reading: with a single one a read would wait for each transaction. */
const MIN_CONNECTIONS = 2

/** The database of the settings. Errors: `ConfigError` `VALUES_CONFLICT`. */
export function readDatabase(read: ReadSetting): DatabaseConfig {
  const address = read('database')
  const passwordFile = read('database-password-file')
  const pool = read('database-pool')
  const workers = read('workers')
  const listen = read('database-listen')
  if (address.engine === 'sqlite') return address
  if (address.password !== undefined && passwordFile !== undefined) {
    throw new ConfigError(
      'VALUES_CONFLICT',
      'database has a password, and database-password-file is given, too',
      'Take the password out of the URL',
    )
  }
  return { ...address, passwordFile, maxConnections: pool ?? defaultPool(workers), listen }
}

/**
 * Warns of a password in a flag: all users of the machine can read it until the process has hidden it, and it stays in
 * the shell's history.
 */
export function warnOfShownPassword(database: DatabaseConfig, source: string | undefined): string[] {
  const isShown = database.engine === 'postgres' && database.password !== undefined && source === '--database'
  return isShown
    ? [
        'the command line holds the password of a database, which other users of this machine may have read: give it with database-password-file, BERTH_DATABASE or a berth.yaml',
      ]
    : []
}

/** With workers the process that starts them has a pool, too. */
function defaultPool(workers: number): number {
  const processes = workers === 1 ? 1 : workers + 1
  const share = Math.floor(MAX_DEFAULT_TOTAL / processes) - LISTENERS
  return Math.min(DEFAULT_CONNECTIONS, Math.max(MIN_CONNECTIONS, share))
}
