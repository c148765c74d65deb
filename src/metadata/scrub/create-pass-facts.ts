import type { Database } from '../../database/database.ts'
import type { Digest } from '../../oci/digest.ts'
import { HELD_MS, type Pass, type PassFacts, type PassProgress } from '../pass-facts.ts'
import type { Writes } from '../queries/repositories.ts'
import type { MetadataSchema, PassKind } from '../schema.ts'

/** {@link PassFacts} in SQL. `clock` gives milliseconds since 1970. */
export function createPassFacts(
  { read, transaction, now }: Database<MetadataSchema>,
  clock: () => number = now,
): PassFacts {
  return {
    take: (kind, options) => transaction((tx) => take(tx, kind, { ...options, now: clock() })),
    note: (kind, holder, progress) =>
      transaction(async (tx) => {
        const { numUpdatedRows } = await tx
          .updateTable('upkeep_passes')
          .set({ ...toColumns(progress), held_until: clock() + HELD_MS })
          .where('kind', '=', kind)
          .where('holder', '=', holder)
          .executeTakeFirst()
        return numUpdatedRows > 0n
      }),
    leave: (kind, holder, { isEnded, ...progress }) =>
      transaction(async (tx) => {
        await tx
          .updateTable('upkeep_passes')
          .set({
            ...toColumns(progress),
            held_until: 0,
            holder: '',
            ...(isEnded && { ended_at: clock() }),
          })
          .where('kind', '=', kind)
          .where('holder', '=', holder)
          .execute()
      }),
    async read(kind): Promise<Pass | undefined> {
      const row = await read
        .selectFrom('upkeep_passes')
        .selectAll()
        .where('kind', '=', kind)
        .executeTakeFirst()
      if (!row) return undefined
      return {
        ...toProgress(row),
        startedAt: new Date(row.started_at),
        endedAt: row.ended_at === null ? undefined : new Date(row.ended_at),
        isHeld: isHeld(row.held_until, clock()),
      }
    },
  }
}

interface TakeTerms {
  readonly holder: string
  readonly everyMs: number
  readonly isTakenOver?: boolean
  readonly isAnew?: boolean
  readonly now: number
}

async function take(
  tx: Writes,
  kind: PassKind,
  { holder, everyMs, isTakenOver = false, isAnew = false, now }: TakeTerms,
): Promise<PassProgress | 'held' | 'not-due'> {
  const row = await tx.selectFrom('upkeep_passes').selectAll().where('kind', '=', kind).executeTakeFirst()
  if (row && isHeld(row.held_until, now) && !isTakenOver) return 'held'
  const lease = { holder, held_until: now + HELD_MS }
  if (row && row.ended_at === null && !isAnew) {
    await tx.updateTable('upkeep_passes').set(lease).where('kind', '=', kind).execute()
    return toProgress(row)
  }
  // The start of a clock that was ahead does not put the next pass off for longer than a whole interval.
  if (row && !isAnew && Math.abs(now - row.started_at) < everyMs) return 'not-due'
  const begun = { ...toColumns(BEGIN), ...lease, started_at: now, ended_at: null }
  await tx
    .insertInto('upkeep_passes')
    .values({ kind, ...begun })
    .onConflict((conflict) => conflict.column('kind').doUpdateSet(begun))
    .execute()
  return BEGIN
}

/** The progress of a pass that begins. */
const BEGIN: PassProgress = { position: undefined, checked: 0, bytes: 0, found: 0, repaired: 0 }

/** A time far ahead is of a clock that was set back since. */
function isHeld(heldUntil: number, now: number): boolean {
  return heldUntil > now && heldUntil <= now + HELD_MS
}

interface ProgressColumns {
  readonly position: string
  readonly checked: number
  readonly bytes: number
  readonly found: number
  readonly repaired: number
}

function toProgress({ position, checked, bytes, found, repaired }: ProgressColumns): PassProgress {
  return { position: position === '' ? undefined : (position as Digest), checked, bytes, found, repaired }
}

function toColumns({
  position = '' as Digest,
  checked,
  bytes,
  found,
  repaired,
}: PassProgress): ProgressColumns {
  return { position, checked, bytes, found, repaired }
}
