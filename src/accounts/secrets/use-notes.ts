import type { Database } from '../../database/database.ts'
import { OciError } from '../../oci/errors.ts'
import type { AccountsSchema } from '../schema.ts'

/** Shortest time between two writes of the last use of one credential, in milliseconds. */
export const USED_EVERY_MS = 15 * 60_000

/** A row whose use is recorded. */
interface UsedRow {
  readonly id: string
  readonly used_at: number | null
  readonly expires_at?: number | null
}

/**
 * Makes the record of uses in a table: each row is written at most once in {@link USED_EVERY_MS}, and not after its end, so
 * that its time says if it was in use then. A failed write refuses no log-in.
 */
export function createUseNotes(
  database: Database<AccountsSchema>,
  table: 'account_secrets' | 'robot_trusts',
  clock: () => number,
) {
  return async (row: UsedRow, remoteAddress: string | undefined): Promise<void> => {
    const now = clock()
    if (row.expires_at != null && now >= row.expires_at) return
    if (row.used_at !== null && Math.abs(now - row.used_at) < USED_EVERY_MS) return
    const used = { used_at: now, ...(remoteAddress === undefined ? {} : { used_from: remoteAddress }) }
    try {
      await database.transaction((tx) => tx.updateTable(table).set(used).where('id', '=', row.id).execute())
    } catch (error) {
      // A full disk, or a database that can only be read.
      if (!(error instanceof OciError)) throw error
    }
  }
}
