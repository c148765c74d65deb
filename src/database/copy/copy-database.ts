import type { Transaction } from 'kysely'
import type { Database, Queries } from '../database.ts'
import type { AnyTables, CopiedTable, StoredRow } from './copied-table.ts'
import { CopyError } from './copy-error.ts'
import { type CopyProgress, readProgress, refuseUnfinishedCopy, writeProgress } from './copy-progress.ts'
import { digestTable, type TableDigest } from './digest-table.ts'
import type { EngineCounters } from './engine-counters.ts'
import { keyOf, readPage } from './row-pages.ts'

/** One of the two databases of a copy. */
export interface CopySide {
  /** Name for people, and of a source in its unfinished copy; without secrets. */
  readonly name: string
  readonly database: Database<AnyTables>
  readonly counters: EngineCounters
}

/** Content and options of a copy. */
export interface CopyOptions {
  readonly source: CopySide
  readonly target: CopySide
  /** Each after those that its rows refer to. */
  readonly tables: readonly CopiedTable[]
  /** True: empties an unfinished copy first, whatever its source. */
  readonly isFresh?: boolean
  /** Called after each page. */
  readonly onPage?: (page: { readonly table: string; readonly rows: number }) => void
  /** Called in the last transaction of the target, for what is made of its rows. */
  readonly onCopied?: (tx: Transaction<AnyTables>) => Promise<void>
}

/** A table that is the same on both sides. */
export interface CopiedTableReport extends TableDigest {
  readonly name: string
}

/**
 * Copies all rows from one database into another, which must be empty or the unfinished copy of the same source, and
 * compares both at the end. Until then the target cannot be served. Memory is bounded by a page of rows.
 * Errors: `CopyError`.
 */
export async function copyDatabase(options: CopyOptions): Promise<CopiedTableReport[]> {
  const { source, target, tables, onCopied } = options
  await refuseUnfinishedCopy(source.database.read, source.name)
  let progress = await begin(options)
  for (const table of tables.slice(findPosition(progress, tables))) {
    progress = await copyTable(options, table, progress)
  }
  const copies: CopiedDigest[] = []
  for (const table of tables) copies.push({ table, ours: await digestTable(target.database.read, table) })
  // In one transaction: the copy is then the source at one moment, and not a mixture of several. It reads nothing else,
  // since a server ends a transaction that stands still.
  const last = await source.database.transaction(async (tx) => {
    await compare(tx, source, copies)
    return readCounters(tx, options)
  })
  await target.database.transaction(async (tx) => {
    for (const counter of last) await target.counters.writeLast(tx, counter)
    await onCopied?.(tx)
    await writeProgress(tx, undefined)
  })
  await target.database.analyze()
  return copies.map(({ table, ours }) => ({ name: table.name, ...ours }))
}

/** Marks the target, or finds the progress of an earlier run. */
async function begin({ source, target, tables, isFresh }: CopyOptions): Promise<CopyProgress> {
  const found = await readProgress(target.database.read)
  if (found && !isFresh) {
    if (found.source === source.name) return found
    throw new CopyError(
      'COPY_TARGET_NOT_EMPTY',
      `${target.name} is an unfinished copy of another database, ${found.source}`,
      'Go on with that one, or empty it with --restart',
    )
  }
  if (!found) await refuseFull(target, tables)
  const first = { source: source.name, table: tables[0]?.name, after: undefined }
  if (found) for (const { name } of tables.toReversed()) await empty(target.database, name)
  await target.database.transaction((tx) => writeProgress(tx, first))
  return first
}

async function empty(database: Database<AnyTables>, table: string): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.deleteFrom(table).execute()
  })
}

async function refuseFull({ database, name }: CopySide, tables: readonly CopiedTable[]): Promise<void> {
  for (const table of tables) {
    if (!(await database.read.selectFrom(table.name).select(table.key).limit(1).executeTakeFirst())) continue
    throw new CopyError(
      'COPY_TARGET_NOT_EMPTY',
      `${name} is not empty: its table ${table.name} has rows`,
      'Copy into an empty database: nothing that is there is overwritten',
    )
  }
}

function findPosition({ table }: CopyProgress, tables: readonly CopiedTable[]): number {
  return table === undefined ? tables.length : tables.findIndex(({ name }) => name === table)
}

async function copyTable(
  options: CopyOptions,
  table: CopiedTable,
  before: CopyProgress,
): Promise<CopyProgress> {
  const { source, tables, onPage } = options
  let progress = before
  let rows: StoredRow[]
  do {
    rows = await readPage(source.database.read, table, progress.after)
    const end = rows.at(-1)
    const next: CopyProgress = end
      ? { ...progress, after: keyOf(table, end) }
      : { ...progress, table: tables[tables.indexOf(table) + 1]?.name, after: undefined }
    await writePage(options, { table, rows, expected: progress, next })
    progress = next
    if (end) onPage?.({ table: table.name, rows: rows.length })
  } while (rows.length > 0)
  return progress
}

interface Page {
  readonly table: CopiedTable
  readonly rows: readonly StoredRow[]
  readonly expected: CopyProgress
  readonly next: CopyProgress
}

async function writePage({ source, target }: CopyOptions, page: Page): Promise<void> {
  try {
    await target.database.transaction((tx) => addPage(tx, page))
  } catch (error) {
    throw target.counters.isContradiction(error) ? sourceChanged(source.name, error) : error
  }
}

async function addPage(tx: Transaction<AnyTables>, { table, rows, expected, next }: Page): Promise<void> {
  if (JSON.stringify(await readProgress(tx)) !== JSON.stringify(expected)) {
    throw new CopyError(
      'COPY_UNFINISHED',
      'Another "berth migrate" copies into the same database',
      'Let that one end, or end it and run this again',
    )
  }
  if (rows.length > 0)
    await tx
      .insertInto(table.name)
      .values([...rows])
      .execute()
  await writeProgress(tx, next)
}

/** A table of the target. */
interface CopiedDigest {
  readonly table: CopiedTable
  readonly ours: TableDigest
}

/** Errors: `CopyError` `COPY_DIFFERS` with the first table that differs. */
async function compare(
  sourceTx: Queries<AnyTables>,
  source: CopySide,
  copies: readonly CopiedDigest[],
): Promise<void> {
  for (const { table, ours } of copies) {
    const theirs = await digestTable(sourceTx, table)
    if (theirs.digest !== ours.digest) throw differs(source, { table: table.name, theirs, ours })
  }
}

async function readCounters(
  sourceTx: Queries<AnyTables>,
  { source, tables }: CopyOptions,
): Promise<{ table: string; last: number }[]> {
  const last: { table: string; last: number }[] = []
  for (const { name, hasIdentity } of tables) {
    if (hasIdentity) last.push({ table: name, last: await source.counters.readLast(sourceTx, name) })
  }
  return last
}

const AGAIN =
  'See that nothing writes to the source, and run it again with --restart, which empties the unfinished copy first. The source is as it was'

function differs(
  { name }: CopySide,
  { table, theirs, ours }: { table: string; theirs: TableDigest; ours: TableDigest },
): CopyError {
  return new CopyError(
    'COPY_DIFFERS',
    `The table ${table} differs: ${name} has ${theirs.rows} rows (${theirs.digest}), its copy ${ours.rows} (${ours.digest})`,
    AGAIN,
  )
}

function sourceChanged(name: string, cause: unknown): CopyError {
  return new CopyError('COPY_DIFFERS', `${name} was changed while it was copied`, AGAIN, cause)
}
