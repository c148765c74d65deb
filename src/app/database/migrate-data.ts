import { existsSync } from 'node:fs'
import type { AnyTables } from '../../database/copy/copied-table.ts'
import type { CopiedTableReport, CopySide } from '../../database/copy/copy-database.ts'
import { openPostgresDatabase } from '../../database/postgres/open-postgres.ts'
import { POSTGRES_COUNTERS } from '../../database/postgres/postgres-counters.ts'
import { isEmptyPostgres } from '../../database/postgres/postgres-report.ts'
import { findOtherSessions } from '../../database/postgres/postgres-sessions.ts'
import { openSqliteDatabase } from '../../database/sqlite/open-sqlite.ts'
import { SQLITE_COUNTERS } from '../../database/sqlite/sqlite-counters.ts'
import { AppError } from '../faults/app-error.ts'
import { toAppError } from '../faults/system-fault.ts'
import { databaseFile, lockDataFolder, prepareFolder } from '../folders/data-folder.ts'
import { copyFacts } from './copy-facts.ts'
import { type DatabasePlace, formatDatabaseName } from './database-place.ts'
import { MIGRATION_SETS } from './database-schema.ts'
import { hasDatabase } from './lost-database.ts'

/** Connections to one side of a copy: one reads or writes, one checks for other users. */
const CONNECTIONS = 2

/** Options of a copy. */
interface MigrateOptions {
  readonly from: DatabasePlace
  readonly to: DatabasePlace
  /** Empties an unfinished copy first. */
  readonly isFresh: boolean
  readonly onPage: (page: { readonly table: string; readonly rows: number }) => void
}

/** Two databases with the same content. */
interface MigrateReport {
  readonly from: string
  readonly to: string
  readonly tables: readonly CopiedTableReport[]
}

/**
 * Copies all facts from one database to another, or continues such a copy. The source is unchanged. Errors: `AppError`
 * (`DATA_IN_USE` while a server uses one of them, `DATA_NOT_FOUND` without a source), `CopyError`, `DatabaseError`.
 */
export async function migrateData({ from, to, isFresh, onPage }: MigrateOptions): Promise<MigrateReport> {
  const names = { from: formatDatabaseName(from), to: formatDatabaseName(to) }
  await refuseMissingSource(from)
  await using resources = new AsyncDisposableStack()
  const source = await openSide(from, resources)
  const target = await openSide(to, resources)
  const tables = await copyFacts({ source, target, isFresh, onPage })
  return { ...names, tables }
}

/** Opening it would make what is missing, and the copy would be an empty one. */
async function refuseMissingSource(from: DatabasePlace): Promise<void> {
  if (from.engine === 'sqlite') {
    if (hasDatabase(from.dataDir)) return
    throw new AppError(
      'DATA_NOT_FOUND',
      `There is no database ${databaseFile(from.dataDir)}`,
      'Name the data folder of the server with --data, or with --from',
    )
  }
  if (!(await isEmptyPostgres(from))) return
  throw new AppError(
    'DATA_NOT_FOUND',
    `The database ${formatDatabaseName(from)} holds no data of Berth`,
    'Name the database of the server with --from',
  )
}

async function openSide(place: DatabasePlace, resources: AsyncDisposableStack): Promise<CopySide> {
  return place.engine === 'sqlite'
    ? openSqliteSide(place.dataDir, resources)
    : openPostgresSide(place, resources)
}

async function openSqliteSide(dataDir: string, resources: AsyncDisposableStack): Promise<CopySide> {
  const file = databaseFile(dataDir)
  if (!existsSync(file)) await prepareFolder(dataDir)
  resources.use(lockDataFolder(dataDir))
  try {
    const database = await openSqliteDatabase<AnyTables>(file, {
      migrations: MIGRATION_SETS,
      isUpdateRefused: true,
    })
    resources.defer(() => database.close())
    return { name: formatDatabaseName({ engine: 'sqlite', dataDir }), database, counters: SQLITE_COUNTERS }
  } catch (error) {
    throw toAppError(error, 'database', file)
  }
}

async function openPostgresSide(
  place: DatabasePlace & { engine: 'postgres' },
  resources: AsyncDisposableStack,
): Promise<CopySide> {
  const name = formatDatabaseName(place)
  const target = {
    ...place,
    maxConnections: CONNECTIONS,
    listen: 'off' as const,
    applicationName: `berth migrate ${process.pid}`,
  }
  const database = await openPostgresDatabase<AnyTables>(target, {
    migrations: MIGRATION_SETS,
    isUpdateRefused: true,
  })
  resources.defer(() => database.close())
  const [other] = await findOtherSessions(database.read, target.applicationName)
  if (other) {
    throw new AppError(
      'DATA_IN_USE',
      `Another Berth uses ${name}: "${other.application}" from ${other.address}, since ${other.since}`,
      'Stop it first; a pooler such as pgbouncer keeps connections for a while after that, so name PostgreSQL itself',
    )
  }
  return { name, database, counters: POSTGRES_COUNTERS }
}
