import type { Transaction } from 'kysely'
import type { Database, Queries } from '../../database/database.ts'
import { FIRST_HASH } from '../migrations/001-events.ts'
import type { EventsSchema } from '../schema.ts'
import { hashRow, toColumns } from './chain.ts'

/** Events sealed in one transaction: short, since others wait for it in a database with one writer. */
const BATCH = 200

/** An event with its place in the audit log. */
interface SealedEvent {
  readonly position: number
  readonly at: number
  readonly action: string
  readonly repository: string | null
  readonly body: string
}

/**
 * Moves events from the outbox to the end of the audit log, at most {@link BATCH}; true if there may be more. `onSealed` runs in the
 * same transaction.
 *
 * An event whose transaction commits late is simply sealed later: rows are taken because they are there, whatever their id.
 * Several processes may do this at once: the row of the log's end lets one of them win, and the others run again.
 */
export async function sealEvents(
  { read, transaction }: Pick<Database<EventsSchema>, 'read' | 'transaction'>,
  onSealed: (tx: Transaction<EventsSchema>, events: readonly SealedEvent[]) => Promise<void> = async () => {},
): Promise<boolean> {
  const rows = await read.selectFrom('event_outbox').select('id').orderBy('id').limit(BATCH).execute()
  if (rows.length === 0) return false
  const ids = rows.map(({ id }) => id)
  await transaction(async (tx) => {
    const taken = await tx
      .deleteFrom('event_outbox')
      .where('id', 'in', ids)
      .returning(['id', 'body'])
      .execute()
    taken.sort((a, b) => a.id - b.id)
    if (taken.length > 0) await onSealed(tx, await append(tx, taken))
  })
  return rows.length === BATCH
}

async function append(
  tx: Transaction<EventsSchema>,
  taken: readonly { readonly body: string }[],
): Promise<SealedEvent[]> {
  const head = await readHead(tx)
  let { position, hash, size } = head
  const sealed = taken.map(({ body }) => {
    position++
    hash = hashRow(hash, { position, body })
    size += body.length
    return { position, ...toColumns(body), body, hash }
  })
  await tx.insertInto('audit_log').values(sealed).execute()
  const row = { ...head, position, hash, size }
  await tx
    .insertInto('audit_head')
    .values({ id: HEAD, ...row })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute()
  return sealed
}

const HEAD = 1

/** The ends of the audit log. */
export async function readHead(
  db: Pick<Queries<EventsSchema>, 'selectFrom'>,
): Promise<Omit<EventsSchema['audit_head'], 'id'>> {
  const row = await db
    .selectFrom('audit_head')
    .select(['position', 'hash', 'anchor_position', 'anchor_hash', 'size'])
    .executeTakeFirst()
  return row ?? { position: 0, hash: FIRST_HASH, anchor_position: 0, anchor_hash: FIRST_HASH, size: 0 }
}
