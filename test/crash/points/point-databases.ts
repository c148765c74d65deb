import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type BerthSchema, MIGRATION_SETS } from '../../../src/app/database/database-schema.ts'
import type { DatabaseConfig } from '../../../src/config/database.ts'
import type { Database } from '../../../src/database/database.ts'
import { openPostgresDatabase } from '../../../src/database/postgres/open-postgres.ts'
import { openSqliteDatabase } from '../../../src/database/sqlite/open-sqlite.ts'
import { type PostgresTestDatabase, startPostgresServer } from '../../support/database/postgres-server.ts'
import type { CallWatch } from './call-watch.ts'
import { startCuttingProxy } from './cutting-proxy.ts'
import { watchStatements } from './watch-statements.ts'

/** Databases of one engine, each known by its data folder. */
export interface PointDatabases extends AsyncDisposable {
  readonly isServer: boolean
  /** The settings by which a process finds the database of a data folder; a server makes an empty one if there is none. */
  config(dataDir: string): Promise<DatabaseConfig>
  open(dataDir: string): Promise<Database<BerthSchema>>
  /** Copies a database that is not open. */
  copy(from: string, to: string): Promise<void>
  /** Makes what a process that has ended in the middle has left of its database that of another folder. */
  leave(from: string, to: string): Promise<void>
  drop(dataDir: string): Promise<void>
  /** Sets the watch of the calls to a database; undefined: none. */
  watch(watch: CallWatch | undefined): void
}

/** Databases in files: each statement is a call. */
export function openSqliteDatabases(): PointDatabases {
  const copy = async (from: string, to: string, names: readonly string[]): Promise<void> => {
    for (const name of names) await cp(join(from, name), join(to, name))
  }
  return {
    isServer: false,
    config: async () => ({ engine: 'sqlite' }),
    async open(dataDir) {
      await mkdir(dataDir, { recursive: true })
      return openSqliteDatabase<BerthSchema>(join(dataDir, 'berth.db'), { migrations: MIGRATION_SETS })
    },
    copy: (from, to) => copy(from, to, ['berth.db']),
    // Not the memory that processes share: SQLite makes it anew from its log.
    leave: (from, to) => copy(from, to, ['berth.db', 'berth.db-wal']),
    // The files go with the folder.
    drop: async () => {},
    watch: watchStatements,
    [Symbol.asyncDispose]: async () => {},
  }
}

/** Databases of a server behind a proxy: each message to the server is a call. */
export async function openPostgresDatabases(): Promise<PointDatabases> {
  await using resources = new AsyncDisposableStack()
  const server = resources.use(await startPostgresServer())
  const proxy = resources.use(await startCuttingProxy(server.port))
  const databases = new Map<string, PostgresTestDatabase>()
  const find = async (dataDir: string): Promise<PostgresTestDatabase> => {
    const database = databases.get(dataDir) ?? (await server.createDatabase())
    databases.set(dataDir, database)
    return database
  }
  const kept = resources.move()
  return {
    isServer: true,
    async config(dataDir) {
      const { host, user, password, name } = (await find(dataDir)).target
      return {
        ...{ engine: 'postgres', host, port: proxy.port, user, password: String(password), name },
        ...{
          tls: 'disable',
          rootCertFile: undefined,
          passwordFile: undefined,
          maxConnections: 4,
          listen: 'off',
        },
      }
    },
    async open(dataDir) {
      const target = { ...(await find(dataDir)).target, port: proxy.port }
      return openPostgresDatabase<BerthSchema>(target, { migrations: MIGRATION_SETS })
    },
    async copy(from, to) {
      databases.set(to, await server.createDatabase((await find(from)).name))
    },
    async leave(from, to) {
      const database = databases.get(from)
      if (database) databases.set(to, database)
      databases.delete(from)
    },
    async drop(dataDir) {
      await databases.get(dataDir)?.[Symbol.asyncDispose]()
      databases.delete(dataDir)
    },
    watch: (watch) => proxy.watch(watch),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
