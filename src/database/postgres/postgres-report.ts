import { performance } from 'node:perf_hooks'
import pg from 'pg'
import { clientConfig, type PostgresTarget } from './connection/postgres-target.ts'
import { SERVER_TIME } from './connection/server-clock.ts'
import { requireUsable, type ServerFacts, toStartError } from './connection/start-error.ts'

/** Questions by which the way to a server is judged. */
const QUESTIONS = 3

/** Facts of a server and of one database, at one moment. */
export interface PostgresReport extends ServerFacts {
  readonly collation: string
  /** Isolation of transactions that choose none. */
  readonly isolation: string
  /** Settings that this user's transactions have, of those that keep changes through a crash and a loss of power; all should be on. */
  readonly durability: Readonly<Record<'fsync' | 'full_page_writes' | 'synchronous_commit', string>>
  /** True if transactions may change nothing unless they say so. */
  readonly isReadOnly: boolean
  /** Connections that users other than superusers may have together, to this database and with this role. */
  readonly connectionLimit: number
  /** Of these, as many as can still be opened: each bound counts the connections that it is about. */
  readonly connectionsLeft: number
  /** Version of TLS; undefined: the connection is not encrypted. */
  readonly tlsVersion: string | undefined
  /** Time by which the server's clock is ahead of this machine's, in milliseconds. */
  readonly clockAheadMs: number
  /** Time of one query and its answer, in milliseconds. */
  readonly roundTripMs: number
  readonly mayMakeTables: boolean
  readonly isSuperuser: boolean
  /** Names of the migrations that were run; undefined: it holds no tables of Berth. */
  readonly migrations: readonly string[] | undefined
  /** Name of the database of which this one is an unfinished copy. */
  readonly unfinishedCopyOf: string | undefined
  /** Of the tables that were named: those that do not exist. */
  readonly missingTables: readonly string[]
  /** Of the tables that were named: those whose owner the user is not, nor a member of it. */
  readonly foreignTables: readonly string[]
}

/**
 * Inspects a database, and `tables` in it, without changing anything. Errors: `DatabaseError` `DATABASE_UNUSABLE` with
 * the remedy.
 */
export async function readPostgresReport(
  target: PostgresTarget,
  tables: readonly string[] = [],
): Promise<PostgresReport> {
  const client = new pg.Client(clientConfig(target))
  // A connection that is lost fails its query, too.
  client.on('error', () => {})
  try {
    await client.connect()
    return await readReport(client, tables)
  } catch (error) {
    throw toStartError(error, target)
  } finally {
    await client.end().catch(() => {})
  }
}

/** True if a database holds no tables of Berth. Errors: as above, also if it cannot hold them. */
export async function isEmptyPostgres(target: PostgresTarget): Promise<boolean> {
  const report = await readPostgresReport(target)
  requireUsable(report)
  return report.migrations === undefined
}

const FACTS = `select
  current_setting('server_version') as version,
  current_setting('server_version_num')::integer as "versionNumber",
  pg_is_in_recovery() as "isStandby",
  current_setting('server_encoding') as encoding,
  (select case datlocprovider when 'i' then 'ICU' else datcollate end from pg_database where datname = current_database())
    as collation,
  current_setting('default_transaction_isolation') as isolation,
  json_build_object(
    'fsync', current_setting('fsync'),
    'full_page_writes', current_setting('full_page_writes'),
    'synchronous_commit', current_setting('synchronous_commit')
  ) as durability,
  current_setting('default_transaction_read_only') = 'on' as "isReadOnly",
  limits.*,
  (select version from pg_stat_ssl where pid = pg_backend_pid()) as "tlsVersion",
  current_schema() as schema,
  coalesce(has_schema_privilege(current_schema(), 'create'), false) as "mayMakeTables",
  (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser",
  to_regclass('kysely_migration') is not null as "hasTables",
  to_regclass('unfinished_copy') is not null as "hasCopyTable"
  from (
    select min(most)::integer as "connectionLimit", min(most - used)::integer as "connectionsLeft"
    from (
      select
        current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer as most,
        (select sum(numbackends) from pg_stat_database) as used
      union all
      select datconnlimit, numbackends from pg_database join pg_stat_database using (datname)
      where datname = current_database() and datconnlimit >= 0
      union all
      select rolconnlimit, (select count(*) from pg_stat_activity where usename = rolname) from pg_roles
      where rolname = current_user and rolconnlimit >= 0
    ) as bounds
  ) as limits`

async function readReport(client: pg.Client, tables: readonly string[]): Promise<PostgresReport> {
  const facts = (await client.query(FACTS)).rows[0] as Omit<PostgresReport, 'tlsVersion'> & {
    tlsVersion: string | null
    hasTables: boolean
    hasCopyTable: boolean
  }
  const { roundTripMs, clockAheadMs } = await readClock(client)
  const { hasTables, hasCopyTable, tlsVersion, ...others } = facts
  return {
    ...others,
    tlsVersion: tlsVersion ?? undefined,
    roundTripMs,
    clockAheadMs,
    migrations: hasTables ? await readMigrations(client) : undefined,
    unfinishedCopyOf: hasCopyTable ? await readCopySource(client) : undefined,
    ...(await readTables(client, tables)),
  }
}

/** The fastest of a few questions says most about the way, and least about who else was busy. */
async function readClock(client: pg.Client): Promise<Pick<PostgresReport, 'roundTripMs' | 'clockAheadMs'>> {
  let best = { roundTripMs: Number.POSITIVE_INFINITY, clockAheadMs: 0 }
  for (let attempt = 0; attempt < QUESTIONS; attempt++) {
    const before = { wall: Date.now(), ms: performance.now() }
    const { rows } = await client.query(SERVER_TIME)
    const roundTripMs = performance.now() - before.ms
    if (roundTripMs < best.roundTripMs)
      best = { roundTripMs, clockAheadMs: Number(rows[0].now) - (before.wall + roundTripMs / 2) }
  }
  return best
}

async function readMigrations(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query('select name from kysely_migration order by name')
  return rows.map(({ name }) => String(name))
}

async function readCopySource(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query('select source from unfinished_copy')
  return rows[0] && String(rows[0].source)
}

/** A user that does not own a table cannot change it when a later version has to. */
async function readTables(
  client: pg.Client,
  tables: readonly string[],
): Promise<Pick<PostgresReport, 'missingTables' | 'foreignTables'>> {
  const { rows } = await client.query(
    `select tables.name, pg_class.oid is null as "isMissing",
      coalesce(not pg_has_role(pg_class.relowner, 'usage'), false) as "isForeign"
    from unnest($1::text[]) with ordinality as tables (name, place)
    left join pg_class on pg_class.oid = to_regclass(tables.name)
    order by tables.place`,
    [tables],
  )
  const namesWhere = (is: 'isMissing' | 'isForeign'): string[] =>
    rows.filter((row) => row[is]).map(({ name }) => String(name))
  return { missingTables: namesWhere('isMissing'), foreignTables: namesWhere('isForeign') }
}
