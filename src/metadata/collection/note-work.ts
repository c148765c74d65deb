import type { Database } from '../../database/database.ts'
import type { Writes } from '../queries/repositories.ts'
import type { MetadataSchema } from '../schema.ts'

/** Longest pause of a server that serves by day, in milliseconds; and the time that collection waits after a longer one. */
const PAUSE_MS = 24 * 3_600_000
/** Time for which work is not noted again, in milliseconds. */
const NOTED_EVERY_MS = 10 * 60_000
/** The rows of the works that wait after a pause. */
const IDS = { collection: 1, retention: 2 } as const

/**
 * Notes that collection, or retention, is at work. After a pause of more than a day nothing is removed for a day: the server did not
 * run, so that nobody could pull, or its clock has jumped ahead, or the database is that of an older backup. Returns the
 * end of that day, if it is not over.
 */
export async function noteWork(
  { read, transaction }: Database<MetadataSchema>,
  now: number,
  work: keyof typeof IDS = 'collection',
): Promise<Date | undefined> {
  const id = IDS[work]
  const noted = await read.selectFrom('collection_rounds').selectAll().where('id', '=', id).executeTakeFirst()
  const isFresh = noted !== undefined && Math.abs(now - noted.at) < NOTED_EVERY_MS
  if (isFresh && noted.held_until <= now) return undefined
  return transaction(async (tx) => {
    const last = await tx.selectFrom('collection_rounds').selectAll().where('id', '=', id).executeTakeFirst()
    const isLongAgo = last !== undefined && now - last.at > PAUSE_MS
    // No later than a day from now: the clock may have been ahead.
    const until = isLongAgo ? now + PAUSE_MS : Math.min(last?.held_until ?? 0, now + PAUSE_MS)
    await writeRound(tx, id, { at: now, held_until: until })
    return until > now ? new Date(until) : undefined
  })
}

/** Lets collection and retention wait for a day from now, as after a pause. */
export async function holdWork(tx: Writes, now: number): Promise<void> {
  for (const id of Object.values(IDS)) await writeRound(tx, id, { at: now, held_until: now + PAUSE_MS })
}

async function writeRound(tx: Writes, id: number, row: { at: number; held_until: number }): Promise<void> {
  await tx
    .insertInto('collection_rounds')
    .values({ id, ...row })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute()
}
