import { type BerthSchema, MIGRATION_SETS } from '../../../src/app/database/database-schema.ts'
import type { Database } from '../../../src/database/database.ts'
import { openPostgresDatabase } from '../../../src/database/postgres/open-postgres.ts'
import { makeTempFolder } from '../machine/temp-folder.ts'
import { type Pgbouncer, pgbouncerSkipReason, startPgbouncer } from './pgbouncer.ts'
import { type PostgresServer, postgresSkipReason, startPostgresServer } from './postgres-server.ts'
import type { TemporaryDatabase } from './temporary-database.ts'
import type { TestEngine } from './test-engine.ts'

/** `BERTH_TEST_POOLER=pgbouncer` puts pgbouncer in transaction mode before the server. */
const IS_POOLED = process.env.BERTH_TEST_POOLER === 'pgbouncer'

/** PostgreSQL for the tests of one file: its server starts with the first database. */
export function postgresEngine(): TestEngine {
  let starting: Promise<Started> | undefined
  return {
    name: 'postgres',
    skip: postgresSkipReason() || (IS_POOLED && pgbouncerSkipReason()),
    async open() {
      starting ??= start()
      return openEmpty(await starting)
    },
    async close() {
      const started = await starting
      await started?.pooler?.[Symbol.asyncDispose]()
      await started?.server[Symbol.asyncDispose]()
    },
  }
}

interface Started {
  readonly server: PostgresServer
  readonly pooler: Pgbouncer | undefined
  /** A database of the newest schema: a copy is made faster than its tables. */
  readonly template: string
}

async function start(): Promise<Started> {
  const server = await startPostgresServer()
  const { name, target } = await server.createDatabase()
  const database = await openPostgresDatabase(target, { migrations: MIGRATION_SETS })
  await database.close()
  return { server, pooler: IS_POOLED ? await startPgbouncer(server) : undefined, template: name }
}

async function openEmpty({ server, pooler, template }: Started): Promise<TemporaryDatabase> {
  const resources = new AsyncDisposableStack()
  const openAgain = async (): Promise<Database<BerthSchema>> => {
    const database = await openPostgresDatabase<BerthSchema>(
      { ...target, port: pooler?.port ?? target.port },
      { migrations: MIGRATION_SETS },
    )
    resources.defer(() => database.close())
    return database
  }
  const folder = resources.use(await makeTempFolder('database'))
  const { target } = resources.use(await server.createDatabase(template))
  const database = await openAgain()
  return {
    database,
    folder: folder.path,
    openAgain,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
