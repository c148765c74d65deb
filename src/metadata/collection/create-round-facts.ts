import type { Database } from '../../database/database.ts'
import type { RoundFacts } from '../round-facts.ts'
import type { MetadataSchema } from '../schema.ts'

/** Identifies the only row of the reports. */
const ID = 1
/** Identifies the row of collection among those of works that wait after a pause. */
const COLLECTION = 1

/** {@link RoundFacts} in SQL. `clock` gives milliseconds since 1970. */
export function createRoundFacts(
  { read, transaction, now }: Database<MetadataSchema>,
  clock: () => number = now,
): RoundFacts {
  return {
    async note({ startedAt, lookedAt, repositories, manifests, blobs, freedBytes, failed, isEnded }) {
      const at = clock()
      const row = {
        ...{ started_at: startedAt.getTime(), noted_at: at, ended_at: isEnded ? at : null },
        ...{ looked_at: lookedAt, repositories, manifests, blobs, freed_bytes: freedBytes, failed },
      }
      await transaction((tx) =>
        tx
          .insertInto('round_reports')
          .values({ id: ID, ...row })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
          .execute(),
      )
    },
    async read() {
      const row = await read.selectFrom('round_reports').selectAll().where('id', '=', ID).executeTakeFirst()
      return (
        row && {
          startedAt: new Date(row.started_at),
          notedAt: new Date(row.noted_at),
          endedAt: row.ended_at === null ? undefined : new Date(row.ended_at),
          lookedAt: row.looked_at,
          repositories: row.repositories,
          manifests: row.manifests,
          blobs: row.blobs,
          freedBytes: row.freed_bytes,
          failed: row.failed,
        }
      )
    },
    async readTimes() {
      const row = await read
        .selectFrom('collection_rounds')
        .select(['at', 'held_until'])
        .where('id', '=', COLLECTION)
        .executeTakeFirst()
      const isWaiting = row !== undefined && row.held_until > clock()
      return {
        lastAt: row && new Date(row.at),
        waitsUntil: isWaiting ? new Date(row.held_until) : undefined,
      }
    },
  }
}
