import type { Database } from '../../database/database.ts'
import type { Writes } from '../queries/repositories.ts'
import type { RetentionFacts } from '../retention-facts.ts'
import type { MetadataSchema } from '../schema.ts'

/** The one row. */
const ID = 1
/** Begin of the last run over all repositories, if there was none. */
const NEVER = 0

/** Turns of the processes that may run retention: one at a time. A time ahead of the clock is of a clock that was set back: it does not count. */
export function createTurns(
  { read, transaction }: Database<MetadataSchema>,
  clock: () => number,
): Pick<RetentionFacts, 'takeTurn' | 'holdTurn' | 'endTurn' | 'findTurn'> {
  return {
    takeTurn: (turn) => transaction((tx) => takeTurn(tx, { ...turn, now: clock() })),
    holdTurn: (holder, holdMs) => transaction((tx) => setHold(tx, holder, clock() + holdMs)),
    endTurn: (holder) =>
      transaction(async (tx) => {
        await setHold(tx, holder, 0)
      }),
    async findTurn() {
      const row = await read.selectFrom('retention_turns').selectAll().where('id', '=', ID).executeTakeFirst()
      if (!row) return undefined
      const begunAt = row.begun_at === NEVER ? undefined : new Date(row.begun_at)
      return { begunAt, heldUntil: new Date(row.held_until) }
    },
  }
}

async function takeTurn(
  tx: Writes,
  {
    holder,
    holdMs,
    everyMs,
    isPartial = false,
    now,
  }: { holder: string; holdMs: number; everyMs: number; isPartial?: boolean; now: number },
): Promise<'taken' | 'busy' | 'early'> {
  const row = await tx.selectFrom('retention_turns').selectAll().where('id', '=', ID).executeTakeFirst()
  if (row && row.held_until > now && row.held_until <= now + holdMs) return 'busy'
  if (row && row.begun_at <= now && row.begun_at + everyMs > now) return 'early'
  const begunAt = isPartial ? (row?.begun_at ?? NEVER) : now
  const values = { begun_at: begunAt, held_until: now + holdMs, holder }
  await tx
    .insertInto('retention_turns')
    .values({ id: ID, ...values })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
    .execute()
  return 'taken'
}

async function setHold(tx: Writes, holder: string, until: number): Promise<boolean> {
  const updated = await tx
    .updateTable('retention_turns')
    .set({ held_until: until })
    .where('id', '=', ID)
    .where('holder', '=', holder)
    .executeTakeFirst()
  return updated.numUpdatedRows > 0n
}
