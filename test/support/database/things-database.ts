import type { Generated } from 'kysely'
import type { Database, FirstRow } from '../../../src/database/database.ts'
import type { MigrationSet } from '../../../src/database/migrations.ts'
import type { PostgresTarget } from '../../../src/database/postgres/connection/postgres-target.ts'
import {
  type OpenPostgresOptions,
  openPostgresDatabase,
} from '../../../src/database/postgres/open-postgres.ts'

/** Tables for tests of an engine, apart from those of any capability. */
export interface ThingsSchema {
  things: { id: Generated<number>; name: string; size: number; bytes: Uint8Array | null }
}

const THINGS: MigrationSet = {
  capability: 'things',
  migrations: {
    '001-initial': async (db, types) => {
      await db.schema
        .createTable('things')
        .addColumn('id', types.integer, types.identity)
        .addColumn('name', types.text, (column) => column.notNull().unique())
        .addColumn('size', types.integer, (column) => column.notNull())
        .addColumn('bytes', types.bytes)
        .execute()
    },
  },
}

/** An opened database of {@link ThingsSchema}. */
export interface ThingsDatabase extends AsyncDisposable {
  readonly db: Database<ThingsSchema>
  add(thing: { name: string; size: number; bytes?: Uint8Array }): Promise<void>
  setSize(name: string, size: number): Promise<void>
  /** Prepared: its row may come from memory. */
  readonly find: FirstRow<{ readonly size: number }>
  /** The same, and that there is no row may come from memory, too. */
  readonly findOrMiss: FirstRow<{ readonly size: number }>
}

/** Opens a PostgreSQL database with the tables of {@link ThingsSchema}. */
export async function openThings(
  target: PostgresTarget,
  options: Omit<OpenPostgresOptions, 'migrations'> = {},
): Promise<ThingsDatabase> {
  const db = await openPostgresDatabase<ThingsSchema>(target, { ...options, migrations: [THINGS] })
  const query = db.read.selectFrom('things').select('size').where('name', '=', '').compile()
  return {
    db,
    async add(thing) {
      await db.transaction((tx) => tx.insertInto('things').values(thing).execute())
    },
    async setSize(name, size) {
      await db.transaction((tx) => tx.updateTable('things').set({ size }).where('name', '=', name).execute())
    },
    find: db.prepareFirst(query),
    findOrMiss: db.prepareFirst(query, { remembersAbsence: true }),
    [Symbol.asyncDispose]: () => db.close(),
  }
}
