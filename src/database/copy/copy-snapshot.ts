import type { Queries } from '../database.ts'
import type { AnyTables, CopiedTable } from './copied-table.ts'
import type { CopySide } from './copy-database.ts'
import { CopyError } from './copy-error.ts'
import { digestTable } from './digest-table.ts'
import type { EngineCounters } from './engine-counters.ts'
import { readPages } from './row-pages.ts'

/** Facts that do not change while they are read. */
interface Snapshot {
  readonly queries: Queries<AnyTables>
  readonly counters: EngineCounters
}

/**
 * Copies all rows of a snapshot into an empty database, and compares both. Memory is bounded by a page of rows. After a failure the
 * target is to be thrown away. Errors: `CopyError` `COPY_DIFFERS`; the reason of the signal.
 */
export async function copySnapshot(
  { queries, counters }: Snapshot,
  {
    target,
    tables,
    signal,
  }: { target: CopySide; tables: readonly CopiedTable[]; signal?: AbortSignal | undefined },
): Promise<void> {
  for (const table of tables) {
    for await (const rows of readPages(queries, table)) {
      signal?.throwIfAborted()
      await target.database.transaction((tx) =>
        tx
          .insertInto(table.name)
          .values([...rows])
          .execute(),
      )
    }
    const [theirs, ours] = [await digestTable(queries, table), await digestTable(target.database.read, table)]
    if (theirs.digest !== ours.digest) throw differs(table.name)
    if (!table.hasIdentity) continue
    const counter = { table: table.name, last: await counters.readLast(queries, table.name) }
    await target.database.transaction((tx) => target.counters.writeLast(tx, counter))
  }
}

function differs(table: string): CopyError {
  return new CopyError(
    'COPY_DIFFERS',
    `The table ${table} of the copy differs from its source`,
    'Run it again; if it fails again, check the disk of the copy',
  )
}
