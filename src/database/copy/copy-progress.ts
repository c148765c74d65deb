import type { Transaction } from 'kysely'
import type { Queries } from '../database.ts'
import type { ColumnTypes, MigrationSet } from '../migrations.ts'
import type { AnyTables } from './copied-table.ts'
import { CopyError } from './copy-error.ts'
import type { RowKey } from './row-pages.ts'

const TABLE = 'unfinished_copy'

/** Progress of a copy. Kept in its target, in the transaction of its rows. */
export interface CopyProgress {
  /** Names the database that is copied. */
  readonly source: string
  /** The table whose rows are being copied; undefined: all are. */
  readonly table: string | undefined
  /** Key of the last row that was copied; undefined: none of this table. */
  readonly after: RowKey | undefined
}

/** Every database has the table; it holds a row only in the target of a copy that has not ended. */
export const COPY_MIGRATIONS: MigrationSet = {
  capability: 'copy',
  migrations: { '001-progress': createProgress },
}

async function createProgress(
  db: Parameters<MigrationSet['migrations'][string]>[0],
  { text }: ColumnTypes,
): Promise<void> {
  await db.schema
    .createTable(TABLE)
    .addColumn('source', text, (column) => column.primaryKey().notNull())
    .addColumn('position', text, (column) => column.notNull())
    .execute()
}

/** Undefined: the database is no unfinished copy. */
export async function readProgress(queries: Queries<AnyTables>): Promise<CopyProgress | undefined> {
  const row = await queries.selectFrom(TABLE).selectAll().executeTakeFirst()
  if (!row) return undefined
  const { table, after } = JSON.parse(String(row.position)) as Omit<CopyProgress, 'source'>
  return { source: String(row.source), table, after }
}

/** Replaces the progress; undefined: the copy has ended. */
export async function writeProgress(
  tx: Transaction<AnyTables>,
  progress: CopyProgress | undefined,
): Promise<void> {
  await tx.deleteFrom(TABLE).execute()
  if (!progress) return
  const { source, table, after } = progress
  await tx
    .insertInto(TABLE)
    .values({ source, position: JSON.stringify({ table, after }) })
    .execute()
}

/**
 * Refuses a database that is the target of an unfinished copy: it lacks a part of its source. Errors: `CopyError`
 * `COPY_UNFINISHED`.
 */
export async function refuseUnfinishedCopy(queries: Queries<AnyTables>, name: string): Promise<void> {
  const progress = await readProgress(queries)
  if (!progress) return
  throw new CopyError(
    'COPY_UNFINISHED',
    `The database ${name} is an unfinished copy of ${progress.source}`,
    'Migrate again with the same --from and --to: it goes on where it stopped',
  )
}
