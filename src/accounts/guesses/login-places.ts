import { hash } from 'node:crypto'
import type { Transaction } from 'kysely'
import type { Database } from '../../database/database.ts'
import type { AccountsSchema } from '../schema.ts'
import { deleteFirst } from './failure-counts.ts'

/** Time for which a place counts after the last log-in from it, in milliseconds. */
const PLACE_KEPT_MS = 30 * 24 * 3_600_000
/** A place is written again when it is that old, in milliseconds: not with each log-in. */
const WRITE_AGAIN_MS = 24 * 3_600_000
/** A write that failed is tried again after this time, in milliseconds: not with each request. */
const RETRY_MS = 60_000
/** Places kept of each name; the one that was used longest ago goes first. */
const MAX_PLACES = 16
/** Places known to be written, so that they are not searched again; about 150 bytes each. */
const MAX_WRITTEN = 4_096

/** Addresses from which names have logged in with the right password. */
export interface LoginPlaces {
  has(name: string, block: string): Promise<boolean>
  /** Remembers a log-in. After a failed write, as on a full disk, it is not remembered, and tried again a minute later. */
  add(name: string, block: string): Promise<void>
}

/** Keeps the places in the database, as hashes: they outlast a restart and count for every process. */
export function createLoginPlaces(
  database: Database<AccountsSchema>,
  clock: () => number = database.now,
): LoginPlaces {
  const written = new Map<string, number>()
  const findPlace = database.prepareFirst(
    database.read.selectFrom('login_places').select('seen_at').where('place', '=', '').compile(),
  )
  const findSeenAt = async (place: string): Promise<number | undefined> => (await findPlace(place))?.seen_at
  const note = (place: string, atMs: number): void => {
    written.delete(place)
    written.set(place, atMs)
    if (written.size > MAX_WRITTEN) deleteFirst(written)
  }
  return {
    async has(name, block) {
      const seenAt = await findSeenAt(hashPlace(name, block))
      return seenAt !== undefined && clock() - seenAt < PLACE_KEPT_MS
    },
    async add(name, block) {
      const place = hashPlace(name, block)
      const now = clock()
      const isFresh = (atMs: number | undefined): boolean =>
        atMs !== undefined && Math.abs(now - atMs) < WRITE_AGAIN_MS
      if (isFresh(written.get(place))) return
      // Before the write: others of the same moment need none of their own.
      note(place, now)
      try {
        const seenAt = await findSeenAt(place)
        const row = { who: hash('sha256', name), place, seen_at: now }
        if (!isFresh(seenAt)) await database.transaction((tx) => write(tx, row))
        else if (seenAt !== undefined) note(place, seenAt)
      } catch {
        // The password was right: a failure to note it must not refuse the log-in.
        note(place, now - WRITE_AGAIN_MS + RETRY_MS)
      }
    },
  }
}

async function write(
  tx: Transaction<AccountsSchema>,
  row: { who: string; place: string; seen_at: number },
): Promise<void> {
  await tx
    .insertInto('login_places')
    .values(row)
    .onConflict((conflict) => conflict.column('place').doUpdateSet({ seen_at: row.seen_at }))
    .execute()
  await tx
    .deleteFrom('login_places')
    .where('seen_at', '<=', row.seen_at - PLACE_KEPT_MS)
    .execute()
  await tx
    .deleteFrom('login_places')
    .where('who', '=', row.who)
    .where('place', 'not in', (query) =>
      query
        .selectFrom('login_places')
        .select('place')
        .where('who', '=', row.who)
        .orderBy('seen_at', 'desc')
        .orderBy('place')
        .limit(MAX_PLACES),
    )
    .execute()
}

/** One text for name and address, so that the database holds no addresses. */
function hashPlace(name: string, block: string): string {
  return hash('sha256', `${name}\0${block}`)
}
