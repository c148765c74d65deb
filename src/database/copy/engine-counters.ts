import type { Transaction } from 'kysely'
import type { Queries } from '../database.ts'
import type { AnyTables } from './copied-table.ts'

/** Operations of an engine that a copy needs beside rows. Each adapter has one. */
export interface EngineCounters {
  /** The last number that the engine gave to a row of a table with an identity; 0: none yet. */
  readLast(queries: Queries<AnyTables>, table: string): Promise<number>
  /** Makes the engine go on after this number, so that none is given twice. */
  writeLast(
    tx: Transaction<AnyTables>,
    counter: { readonly table: string; readonly last: number },
  ): Promise<void>
  /** True if a query failed because its rows contradict others: an existing key, or a reference to a missing row. */
  isContradiction(error: unknown): boolean
}
