import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { MIGRATION_SETS } from '../../src/app/database/database-schema.ts'
import { missingMigrations } from '../../src/database/migrate.ts'
import { openPostgresDatabase } from '../../src/database/postgres/open-postgres.ts'
import type { PostgresServer, PostgresTestDatabase } from '../support/database/postgres-server.ts'

/** A whole database as text: its schema, its record of migrations, and all other rows in one order, the same for both engines. */
interface DatabaseDump {
  readonly schema: readonly unknown[]
  readonly record: readonly string[]
  readonly rows: Readonly<Record<string, readonly string[]>>
}

const RECORD = 'kysely_migration'

/** The whole of an SQLite file. */
export function dumpSqlite(file: string): DatabaseDump {
  using database = new DatabaseSync(file)
  const rows = readSqliteRows(database)
  const { [RECORD]: record = [], ...others } = rows
  return {
    schema: database
      .prepare('select type, name, sql from sqlite_schema order by type, name')
      .all()
      .map(plain),
    record: sorted(record),
    rows: Object.fromEntries(Object.entries(others).map(([table, values]) => [table, sorted(values)])),
  }
}

/** The whole of a PostgreSQL database. */
export async function dumpPostgres(server: PostgresServer, name: string): Promise<DatabaseDump> {
  const client = new pg.Client({ connectionString: server.url(name) })
  await client.connect()
  try {
    return await readDump(async (text) => (await client.query<Record<string, unknown>>(text)).rows)
  } finally {
    await client.end()
  }
}

async function readDump(query: (text: string) => Promise<Record<string, unknown>[]>): Promise<DatabaseDump> {
  const schema = [
    await query(`select table_name, column_name, data_type, is_nullable, column_default
      from information_schema.columns where table_schema = 'public' order by 1, 2`),
    await query(`select indexdef from pg_indexes where schemaname = 'public' order by 1`),
    await query(`select tgrelid::regclass::text as of, tgname, pg_get_triggerdef(oid) as definition
      from pg_trigger where not tgisinternal order by 1, 2`),
    await query(`select conrelid::regclass::text as of, conname, pg_get_constraintdef(oid) as definition
      from pg_constraint where connamespace = 'public'::regnamespace order by 1, 2`),
    await query(
      'select proname, prosrc from pg_proc where pronamespace = current_schema()::regnamespace order by 1',
    ),
  ]
  const tables = await query(`select tablename as name from pg_tables where schemaname = 'public' order by 1`)
  const rows: Record<string, string[]> = {}
  for (const { name: table } of tables) {
    const found = await query(`select * from "${table}"`)
    rows[String(table)] = sorted(found)
  }
  const { [RECORD]: record = [], ...others } = rows
  return { schema, record, rows: others }
}

/** Makes the tables of an earlier schema in PostgreSQL, and copies the rows of an SQLite file of that schema into them. */
export async function copyIntoPostgres(
  file: string,
  {
    record,
    server,
    database,
  }: { record: readonly string[]; server: PostgresServer; database: PostgresTestDatabase },
): Promise<void> {
  const missing = new Set(missingMigrations(MIGRATION_SETS, record))
  const migrations = MIGRATION_SETS.map((set) => ({
    ...set,
    migrations: Object.fromEntries(
      Object.entries(set.migrations).filter(([step]) => !missing.has(`${set.capability}/${step}`)),
    ),
  }))
  await (await openPostgresDatabase(database.target, { migrations })).close()
  using source = new DatabaseSync(file, { readOnly: true })
  const client = new pg.Client({ connectionString: server.url(database.name) })
  await client.connect()
  try {
    // Keys and triggers rest: the rows come in any order, and those that triggers would make are among them.
    await client.query('set session_replication_role = replica')
    for (const [table, rows] of Object.entries(readSqliteRows(source))) {
      if (table === RECORD) continue
      // Rows that the migrations themselves have made.
      await client.query(`delete from "${table}"`)
      for (const row of rows) {
        const names = Object.keys(row)
        const places = names.map((_name, index) => `$${index + 1}`)
        const columns = names.map((name) => `"${name}"`)
        await client.query(
          `insert into "${table}" (${columns}) overriding system value values (${places})`,
          Object.values(row).map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value)),
        )
      }
    }
  } finally {
    await client.end()
  }
}

function readSqliteRows(database: DatabaseSync): Record<string, Record<string, unknown>[]> {
  const tables = database
    .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' order by name")
    .all()
  return Object.fromEntries(
    tables.map(({ name }) => [String(name), database.prepare(`select * from "${name}"`).all().map(plain)]),
  )
}

function plain(row: object): Record<string, unknown> {
  return { ...row }
}

/** Rows as texts, columns by name: 64-bit numbers of PostgreSQL come as texts, those of SQLite as numbers. */
function sorted(rows: readonly Record<string, unknown>[]): string[] {
  return rows
    .map((row) =>
      JSON.stringify(
        Object.entries(row)
          .map(([name, value]) => [
            name,
            value instanceof Uint8Array
              ? Buffer.from(value).toString('hex')
              : value === null
                ? null
                : String(value),
          ])
          .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
      ),
    )
    .sort()
}
