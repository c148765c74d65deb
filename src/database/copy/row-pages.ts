import type { RawBuilder } from 'kysely'
import type { Queries } from '../database.ts'
import { kysely } from '../kysely.ts'
import type { AnyTables, CopiedTable, StoredRow } from './copied-table.ts'

const { sql } = kysely

/** Rows of one page: with 12 columns, far below the parameters that one statement may have (32,766). */
const PAGE_ROWS = 500
/** Bytes of one page, unless its first row is larger: the largest manifests have 4 MiB. */
const PAGE_BYTES = 8 * 1024 * 1024

/** Values of the key of a row. */
export type RowKey = readonly (number | string)[]

/**
 * The next rows of a table in the order of its key; none: it ends. `after`: key of the last row before them. Texts come
 * without NUL characters: earlier versions took them from clients, and PostgreSQL stores none.
 */
export async function readPage(
  queries: Queries<AnyTables>,
  table: CopiedTable,
  after: RowKey | undefined,
): Promise<StoredRow[]> {
  const until = table.weight === undefined ? undefined : await findPageEnd(queries, table, after)
  if (table.weight !== undefined && until === undefined) return []
  let query = queries.selectFrom(table.name).selectAll().orderBy(byKey(table))
  if (after) query = query.where(compareKey(table, '>', after))
  query = until ? query.where(compareKey(table, '<=', until)) : query.limit(PAGE_ROWS)
  return (await query.execute()).map(withoutNul)
}

function withoutNul(row: StoredRow): StoredRow {
  const isClean = Object.values(row).every((value) => typeof value !== 'string' || !value.includes('\0'))
  if (isClean) return row
  const cleaned = Object.entries(row).map(([column, value]) => [
    column,
    typeof value === 'string' ? value.replaceAll('\0', '') : value,
  ])
  return Object.fromEntries(cleaned) as StoredRow
}

/** All rows of a table in the order of its key, page by page. */
export async function* readPages(
  queries: Queries<AnyTables>,
  table: CopiedTable,
  after?: RowKey,
): AsyncGenerator<StoredRow[]> {
  let last = after
  for (;;) {
    const rows = await readPage(queries, table, last)
    const end = rows.at(-1)
    if (!end) return
    yield rows
    last = keyOf(table, end)
  }
}

/** The key of a row. */
export function keyOf({ key }: CopiedTable, row: StoredRow): RowKey {
  return key.map((column) => row[column] as number | string)
}

/** Key of the last row that fits into a page of bounded bytes. */
async function findPageEnd(
  queries: Queries<AnyTables>,
  table: CopiedTable,
  after: RowKey | undefined,
): Promise<RowKey | undefined> {
  const weight = table.weight ?? ''
  let query = queries
    .selectFrom(table.name)
    .select([...table.key, weight])
    .orderBy(byKey(table))
    .limit(PAGE_ROWS)
  if (after) query = query.where(compareKey(table, '>', after))
  const rows = await query.execute()
  let bytes = 0
  const tooMany = rows.findIndex((row) => {
    bytes += Number(row[weight])
    return bytes > PAGE_BYTES
  })
  const end = tooMany < 0 ? rows.at(-1) : rows[Math.max(0, tooMany - 1)]
  return end && keyOf(table, end)
}

function byKey({ key }: CopiedTable): RawBuilder<unknown> {
  return sql.join(key.map((column) => sql.ref(column)))
}

/** Compares rows, not columns one by one: the index of the key then finds the first row of a page at once. */
function compareKey({ key }: CopiedTable, operator: '>' | '<=', values: RowKey): RawBuilder<boolean> {
  return sql`(${sql.join(key.map((column) => sql.ref(column)))}) ${sql.raw(operator)} (${sql.join(values)})`
}
