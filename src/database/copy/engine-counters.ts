import type { Transaction } from 'kysely'
import type { Queries } from '../database.ts'
import type { AnyTables } from './copied-table.ts'

/** What a copy needs of an engine beside rows. Each adapter has one. */
export interface EngineCounters {
  /** The last number that the engine gave to a row of a table with an identity; 0: none yet. */
  readLast(queries: Queries<AnyTables>, table: string): Promise<number>
  /** Makes the engine go on after this number, so that none is given twice. */
  writeLast(
    tx: Transaction<AnyTables>,
    counter: { readonly table: string; readonly last: number },
  ): Promise<void>
  /** Whether a query failed as its rows contradict others: a key that is there, or a reference to a row that is not. */
  isContradiction(error: unknown): boolean
}
