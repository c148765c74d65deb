import { createHash, type Hash } from 'node:crypto'
import type { Queries } from '../database.ts'
import type { AnyTables, CopiedTable, StoredRow } from './copied-table.ts'
import { readPages } from './row-pages.ts'

/** Content of a table, in short: equal on two engines if all its rows are. */
export interface TableDigest {
  readonly rows: number
  /** SHA-256 over all rows in the order of their key, hex. */
  readonly digest: string
}

/** Reads all rows of a table. */
export async function digestTable(queries: Queries<AnyTables>, table: CopiedTable): Promise<TableDigest> {
  const hash = createHash('sha256')
  let count = 0
  for await (const rows of readPages(queries, table)) {
    for (const row of rows) addRow(hash, row)
    count += rows.length
  }
  return { rows: count, digest: hash.digest('hex') }
}

/** Adds the columns by name, as engines return them in an order of their own; each value with its type and length. */
function addRow(hash: Hash, row: StoredRow): void {
  const columns = Object.keys(row).sort()
  hash.update(`row ${columns.length}\n`)
  for (const column of columns) addValue(hash, column, row[column])
}

function addValue(hash: Hash, column: string, value: unknown): void {
  if (value === null) hash.update(`${column} null\n`)
  else if (typeof value === 'number') hash.update(`${column} number ${value}\n`)
  else if (typeof value === 'string') addBytes(hash, `${column} text`, Buffer.from(value))
  else if (value instanceof Uint8Array) addBytes(hash, `${column} bytes`, value)
  else throw new TypeError(`The column ${column} holds a ${typeof value}, which no engine should give`)
}

function addBytes(hash: Hash, start: string, bytes: Uint8Array): void {
  hash.update(`${start} ${bytes.length} `).update(bytes).update('\n')
}
