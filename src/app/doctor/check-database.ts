import type { Config } from '../../config/config.ts'
import type { PostgresConfig } from '../../config/database.ts'
import { DatabaseError } from '../../database/database.ts'
import { missingMigrations } from '../../database/migrate.ts'
import type { PostgresReport } from '../../database/postgres/postgres-report.ts'
import { COPIED_TABLES } from '../database/copied-tables.ts'
import { formatDatabaseName } from '../database/database-place.ts'
import { MIGRATION_SETS } from '../database/database-schema.ts'
import { type Finding, failed, ok, warning } from './finding.ts'

const CHECK = 'database'
const TABLES = COPIED_TABLES.map(({ name }) => name)
/** Difference of the clocks from which on one of them is wrong, in milliseconds: certificates and logs go by this machine's. */
const CLOCK_WARNING_MS = 2_000
/** Connections that should be left for commands, backups and whoever looks at the server. */
const SPARE_CONNECTIONS = 5
/** Each request that is not remembered waits for one round trip at least; above this the server is felt to be far. */
const SLOW_ROUND_TRIP_MS = 10

/** Checks a database on a PostgreSQL server; no finding for SQLite, whose folder has a check of its own. */
export async function checkDatabase({
  database,
  workers,
}: Pick<Config, 'database' | 'workers'>): Promise<Finding[]> {
  if (database.engine === 'sqlite') return []
  const [{ readPostgresReport }, { requireUsable }] = await Promise.all([
    import('../../database/postgres/postgres-report.ts'),
    import('../../database/postgres/connection/start-error.ts'),
  ])
  try {
    const report = await readPostgresReport(database, TABLES)
    requireUsable(report)
    return [
      ...judgeServer(report, database),
      judgeDurability(report),
      ...judgeReadOnly(report, database),
      judgeTls(report, database),
      judgeClock(report),
      judgeConnections(report, { database, workers }),
      judgeSchema(report, database),
      judgeRights(report, database),
    ]
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    return [failed(CHECK, error.message, findRemedy(error))]
  }
}

function findRemedy(error: DatabaseError): string {
  if (error.code === 'SCHEMA_TOO_NEW') return 'Start the version of Berth that wrote it, or a newer one'
  return 'remedy' in error ? String(error.remedy) : 'Look at the log of PostgreSQL'
}

function judgeServer(
  { version, encoding, collation, isolation, roundTripMs }: PostgresReport,
  database: PostgresConfig,
): Finding[] {
  const name = formatDatabaseName(database)
  const message = `${name} is on PostgreSQL ${version}, ${encoding}, collation ${collation}; names are ordered by bytes, and transactions are serializable, where the default is ${isolation}`
  const trip = `A question to it and its answer take ${roundTripMs.toFixed(1)} ms`
  return [
    ok(CHECK, message),
    roundTripMs > SLOW_ROUND_TRIP_MS
      ? warning(
          CHECK,
          trip,
          'Each request waits for it at least once: bring Berth and PostgreSQL closer together',
        )
      : ok(CHECK, trip),
  ]
}

function judgeDurability({ durability }: PostgresReport): Finding {
  const off = Object.entries(durability).filter(([, value]) => value === 'off')
  if (off.length === 0) return ok(CHECK, 'PostgreSQL has changes on its disk before they are acknowledged')
  return warning(
    CHECK,
    `PostgreSQL runs with ${off.map(([name]) => `${name} = off`).join(', ')}: a crash or a loss of power takes pushes with it that were acknowledged`,
    'Turn it on again in postgresql.conf, and for this user and this database: both can have settings of their own',
  )
}

function judgeReadOnly({ isReadOnly }: PostgresReport, { user, name }: PostgresConfig): Finding[] {
  if (!isReadOnly) return []
  return [
    failed(
      CHECK,
      `Transactions of the user "${user}" in the database "${name}" are read-only`,
      'Set default_transaction_read_only to off',
    ),
  ]
}

function judgeTls({ tlsVersion }: PostgresReport, { host, tls }: PostgresConfig): Finding {
  if (host.startsWith('/')) return ok(CHECK, 'The connection is a Unix socket of this machine')
  if (tlsVersion === undefined) {
    return tls === 'disable' && /^(?:127\.|::1$|localhost$)/.test(host)
      ? ok(CHECK, 'The connection is not encrypted, and stays on this machine')
      : warning(
          CHECK,
          'The connection is not encrypted, so that the password and all facts can be read on the way',
          'Turn on TLS in PostgreSQL (ssl = on), and write sslmode=verify-full',
        )
  }
  if (tls === 'require') {
    return warning(
      CHECK,
      `The connection is encrypted (${tlsVersion}), but the server's certificate is not checked`,
      'Write sslmode=verify-full, with sslrootcert=FILE for a CA of your own',
    )
  }
  return ok(
    CHECK,
    `The connection is encrypted (${tlsVersion}), and the server's certificate is checked (${tls})`,
  )
}

function judgeClock({ clockAheadMs }: PostgresReport): Finding {
  const apartMs = Math.abs(clockAheadMs)
  if (apartMs <= CLOCK_WARNING_MS) return ok(CHECK, "The server's clock agrees with this machine's")
  const message = `The server's clock is ${Math.round(apartMs / 1000)} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} this machine's`
  const remedy = 'Turn on time synchronisation on both ("timedatectl set-ntp true")'
  return warning(CHECK, message, remedy)
}

function judgeConnections(
  { connectionLimit, connectionsLeft: left }: PostgresReport,
  { database, workers }: { database: PostgresConfig; workers: number },
): Finding {
  const processes = workers === 1 ? 1 : workers + 1
  const most = processes * (database.maxConnections + (database.listen === 'off' ? 0 : 1))
  const message = `This node takes up to ${most} connections, the server allows ${connectionLimit}, of which ${left} are left`
  const remedy =
    'Raise max_connections of PostgreSQL, or the limit of the database or user if they have one, or lower database-pool or workers'
  if (left <= 0) return failed(CHECK, message, remedy)
  return most > connectionLimit - SPARE_CONNECTIONS || left < SPARE_CONNECTIONS
    ? warning(CHECK, message, remedy)
    : ok(CHECK, message)
}

function judgeSchema(
  { migrations, unfinishedCopyOf, missingTables }: PostgresReport,
  database: PostgresConfig,
): Finding {
  if (unfinishedCopyOf !== undefined) {
    return failed(
      CHECK,
      `${formatDatabaseName(database)} is an unfinished copy of ${unfinishedCopyOf}: no server starts with it`,
      'Migrate again with the same --from and --to: it goes on where it stopped',
    )
  }
  if (migrations === undefined)
    return ok(CHECK, `${formatDatabaseName(database)} has no tables of Berth yet: the first start makes them`)
  const missing = missingMigrations(MIGRATION_SETS, migrations)
  if (missing.length === 0 && missingTables.length > 0) {
    return failed(
      CHECK,
      `${formatDatabaseName(database)} lacks tables that it had: ${missingTables.join(', ')}`,
      'Stop Berth, and restore the whole database from a backup into an empty one',
    )
  }
  return missing.length === 0
    ? ok(CHECK, `The schema is that of this version (${migrations.at(-1)})`)
    : ok(
        CHECK,
        `The schema is older than this version: the next start brings it up to date (${missing.join(', ')})`,
      )
}

function judgeRights(
  { mayMakeTables, foreignTables, isSuperuser }: PostgresReport,
  { user, name }: PostgresConfig,
): Finding {
  if (!mayMakeTables) {
    return failed(
      CHECK,
      `The user "${user}" may not make tables in the database "${name}"`,
      `Let it own the database: alter database ${name} owner to ${user}`,
    )
  }
  if (foreignTables.length > 0) {
    return failed(
      CHECK,
      `Tables belong to another role than "${user}", which can do nothing with them: ${foreignTables.join(', ')}`,
      `Give it each of them, as the server's administrator: alter table ${foreignTables[0]} owner to ${user}. pg_restore run as "${user}", with --no-owner, makes them its own`,
    )
  }
  return isSuperuser
    ? warning(
        CHECK,
        `The user "${user}" is a superuser, which may do more than Berth needs`,
        `Make one that only owns the database: create role berth login; alter database ${name} owner to berth`,
      )
    : ok(CHECK, `The user "${user}" may do what Berth needs`)
}
