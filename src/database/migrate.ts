import { DatabaseError } from './database.ts'
import { kysely } from './kysely.ts'
import type { ColumnTypes, Migration, MigrationSet, SchemaChange, SchemaUpdate } from './migrations.ts'

const { sql } = kysely

/**
 * Table of the migrations that were run, by name. It has the name of Kysely's migrator: older versions read it there,
 * and refuse a database with names that they do not know.
 */
const RECORD = 'kysely_migration'

/** Environment of migrations. */
interface MigrateOptions {
  readonly sets: readonly MigrationSet[]
  readonly types: ColumnTypes
  /** True if a query that names this table finds it. */
  readonly hasTable: (db: SchemaChange, table: string) => Promise<boolean>
  /** Runs work in one transaction, while no other process runs any. */
  readonly alone: (work: (tx: SchemaChange) => Promise<void>) => Promise<void>
  /** Called before the schema of a database that has one is updated, by the process that does so. */
  readonly onUpdate?: ((update: SchemaUpdate) => void) | undefined
  /** True: an earlier schema is an error. An empty database gets its tables all the same. */
  readonly isUpdateRefused?: boolean | undefined
}

/**
 * Runs the missing migrations, set by set, all in one transaction. Without any nothing is locked or written. Errors:
 * `DatabaseError` `SCHEMA_TOO_NEW` if the database holds one that this version does not know; `SCHEMA_OLD`.
 */
export async function migrate(
  db: SchemaChange,
  { sets, types, hasTable, alone, onUpdate, isUpdateRefused = false }: MigrateOptions,
): Promise<void> {
  const steps = sets.flatMap(toSteps)
  const before = await readRecord(db, hasTable)
  const lacking = findMissing(steps, before)
  if (lacking.length === 0) return
  if (isUpdateRefused && before.size > 0)
    throw schemaOld({ from: steps.length - lacking.length, to: steps.length })
  await alone(async (tx) => {
    // Read again: another process may have run them meanwhile.
    const record = await readRecord(tx, hasTable)
    const missing = findMissing(steps, record)
    if (record.size > 0 && missing.length > 0)
      onUpdate?.({ from: steps.length - missing.length, to: steps.length })
    await createRecord(tx)
    for (const { name, run } of missing) {
      await run(tx, types)
      await addRecord(tx, name)
    }
  })
}

/**
 * Names of the migrations that a database lacks, by those that were run in it.
 * Errors: `DatabaseError` `SCHEMA_TOO_NEW`.
 */
export function missingMigrations(sets: readonly MigrationSet[], record: readonly string[]): string[] {
  return findMissing(sets.flatMap(toSteps), new Set(record)).map(({ name }) => name)
}

function schemaOld({ from, to }: SchemaUpdate): DatabaseError {
  return new DatabaseError(
    'SCHEMA_OLD',
    `The schema of the database is that of an earlier version (step ${from} of ${to}), and commands do not change it`,
  )
}

/** The migrations that a database has run, of those that this version knows. Errors: `DatabaseError` `SCHEMA_TOO_NEW`. */
export function migrationsWithin(sets: readonly MigrationSet[], record: readonly string[]): MigrationSet[] {
  const missing = new Set(missingMigrations(sets, record))
  return sets.map((set) => ({
    ...set,
    migrations: Object.fromEntries(
      Object.entries(set.migrations).filter(([step]) => !missing.has(`${set.capability}/${step}`)),
    ),
  }))
}

interface Step {
  readonly name: string
  readonly formerName: string | undefined
  readonly run: Migration
}

function toSteps({ capability, migrations, formerNames = {} }: MigrationSet): Step[] {
  return Object.entries(migrations).map(([name, run]) => ({
    name: `${capability}/${name}`,
    formerName: formerNames[name],
    run,
  }))
}

function findMissing(steps: readonly Step[], record: ReadonlySet<string>): Step[] {
  const known = new Set(steps.flatMap(({ name, formerName }) => [name, formerName]))
  const unknown = [...record].find((name) => !known.has(name))
  if (unknown !== undefined) {
    throw new DatabaseError(
      'SCHEMA_TOO_NEW',
      `The database was written by a newer version of Berth (it holds the migration "${unknown}")`,
    )
  }
  return steps.filter(
    ({ name, formerName }) => !record.has(name) && (formerName === undefined || !record.has(formerName)),
  )
}

async function readRecord(db: SchemaChange, hasTable: MigrateOptions['hasTable']): Promise<Set<string>> {
  if (!(await hasTable(db, RECORD))) return new Set()
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(RECORD)} order by name`.execute(
    db,
  )
  return new Set(rows.map(({ name }) => name))
}

async function createRecord(db: SchemaChange): Promise<void> {
  await db.schema
    .createTable(RECORD)
    .ifNotExists()
    .addColumn('name', 'varchar(255)', (column) => column.notNull().primaryKey())
    .addColumn('timestamp', 'varchar(255)', (column) => column.notNull())
    .execute()
}

async function addRecord(db: SchemaChange, name: string): Promise<void> {
  const now = new Date().toISOString()
  await sql`insert into ${sql.table(RECORD)} (name, timestamp) values (${name}, ${now})`.execute(db)
}
