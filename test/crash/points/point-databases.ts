import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { type BerthSchema, MIGRATION_SETS } from '../../../src/app/database/database-schema.ts'
import type { Database } from '../../../src/database/database.ts'
import { openPostgresDatabase } from '../../../src/database/postgres/open-postgres.ts'
import { openSqliteDatabase } from '../../../src/database/sqlite/open-sqlite.ts'
import { type PostgresTestDatabase, startPostgresServer } from '../../support/database/postgres-server.ts'
import type { CallWatch } from './call-watch.ts'
import { startCuttingProxy } from './cutting-proxy.ts'
import { watchStatements } from './watch-statements.ts'

/** Databases of one engine, each known by a folder. */
export interface PointDatabases extends AsyncDisposable {
  readonly isServer: boolean
  open(folder: string): Promise<Database<BerthSchema>>
  /** Copies a database that is not open. */
  copy(from: string, to: string): Promise<void>
  /** Makes what a process that has ended in the middle has left of its database that of another folder. */
  leave(from: string, to: string): Promise<void>
  drop(folder: string): Promise<void>
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
    open: (folder) =>
      openSqliteDatabase<BerthSchema>(join(folder, 'berth.sqlite'), { migrations: MIGRATION_SETS }),
    copy: (from, to) => copy(from, to, ['berth.sqlite']),
    // Not the memory that processes share: SQLite makes it anew from its log.
    leave: (from, to) => copy(from, to, ['berth.sqlite', 'berth.sqlite-wal']),
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
  const find = (folder: string): PostgresTestDatabase => {
    const database = databases.get(folder)
    if (!database) throw new Error(`There is no database for ${folder}`)
    return database
  }
  const kept = resources.move()
  return {
    isServer: true,
    async open(folder) {
      const database = databases.get(folder) ?? (await server.createDatabase())
      databases.set(folder, database)
      const target = { ...database.target, port: proxy.port }
      return openPostgresDatabase<BerthSchema>(target, { migrations: MIGRATION_SETS })
    },
    async copy(from, to) {
      databases.set(to, await server.createDatabase(find(from).name))
    },
    async leave(from, to) {
      databases.set(to, find(from))
      databases.delete(from)
    },
    async drop(folder) {
      await databases.get(folder)?.[Symbol.asyncDispose]()
      databases.delete(folder)
    },
    watch: (watch) => proxy.watch(watch),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
