import type { Database } from '../../database/database.ts'
import type { EventsSchema } from '../schema.ts'
import { readHead } from './seal-events.ts'

/** Events removed in one transaction. */
const BATCH = 500

/** Bounds of the audit log. */
interface LogTerms {
  /** Longest age, in milliseconds; undefined: any. */
  readonly keepMs: number | undefined
  /** Most characters of all events. */
  readonly maxSize: number
}

/**
 * Removes the oldest events that are too old, or too many for the size, at most {@link BATCH}; true if there may be more. The hash of the
 * last one stays as the anchor of the chain.
 */
export async function trimLog(
  { transaction }: Pick<Database<EventsSchema>, 'transaction'>,
  { keepMs, maxSize }: LogTerms,
  now: number,
): Promise<boolean> {
  return transaction(async (tx) => {
    const head = await readHead(tx)
    const rows = await tx
      .selectFrom('audit_log')
      .select(['position', 'at', 'hash', 'body'])
      .orderBy('position')
      .limit(BATCH)
      .execute()
    let { size } = head
    let last: (typeof rows)[number] | undefined
    for (const row of rows) {
      const isOld = keepMs !== undefined && row.at < now - keepMs
      if (!isOld && size <= maxSize) break
      size -= row.body.length
      last = row
    }
    if (!last) return false
    await tx.deleteFrom('audit_log').where('position', '<=', last.position).execute()
    await tx
      .updateTable('audit_head')
      .set({ anchor_position: last.position, anchor_hash: last.hash, size })
      .execute()
    return last === rows.at(-1) && rows.length === BATCH
  })
}
