import type { Database } from '../../database/database.ts'
import type { CollectionFacts } from '../collection-facts.ts'
import type { Writes } from '../queries/repositories.ts'
import { readSwitch, SEEING_SWITCHES } from '../queries/switches.ts'
import type { MetadataSchema } from '../schema.ts'
import { countDue, countQueue, findFirstDue, listDue } from './due-items.ts'
import { forgetHistory } from './forget-history.ts'
import { listInUse } from './list-in-use.ts'
import { look } from './looks/look.ts'
import { noteWork } from './note-work.ts'
import { judge, preview } from './preview.ts'
import { queueUnknown } from './queue-unknown.ts'

const HOLDING = ['read-only', 'collection-paused'] as const

/** {@link CollectionFacts} in SQL, for commands of the operator. `clock` gives milliseconds since 1970. */
export function createCollectionFacts(
  database: Database<MetadataSchema>,
  clock: () => number = database.now,
): CollectionFacts {
  const { read, transaction } = database
  return {
    noteWork: () => noteWork(database, clock()),
    listDue: (policy, limit) => listDue(read, policy, { now: clock(), limit }),
    look: (item, policy) => transaction((tx) => look(tx, item, { policy, now: clock() })),
    judge: (items, policy) => judge(read, items, { policy, now: clock() }),
    preview: (items, policy) => preview(read, items, { policy, now: clock() }),
    listInUse: (limit) => listInUse(read, { limit, now: clock() }),
    forgetBlob: ({ digest, markedAt }) =>
      transaction(async (tx) => {
        const mark = await tx
          .deleteFrom('blob_removals')
          .where('digest', '=', digest)
          .where('marked_at', '=', markedAt)
          .executeTakeFirst()
        if (mark.numDeletedRows === 0n) return
        await tx.deleteFrom('blob_claims').where('digest', '=', digest).execute()
        await tx.deleteFrom('blobs').where('digest', '=', digest).execute()
        await tx
          .deleteFrom('collection_queue')
          .where('kind', '=', 'blob')
          .where('digest', '=', digest)
          .execute()
      }),
    releaseBlob: ({ digest, markedAt }) =>
      transaction(async (tx) => {
        await tx
          .updateTable('blob_removals')
          .set({ marked_at: 0 })
          .where('digest', '=', digest)
          .where('marked_at', '=', markedAt)
          .execute()
      }),
    queueUnknown: (digests, graceMs) => queueUnknown(database, { digests, graceMs, now: clock() }),
    forgetHistory: (policy, limit) => transaction((tx) => forgetHistory(tx, { policy, limit, now: clock() })),
    async hasBlobs() {
      return (await read.selectFrom('blobs').select('digest').limit(1).executeTakeFirst()) !== undefined
    },
    findFirstDue: (policy) => findFirstDue(database.read, policy),
    countDue: (policy, forMs) => countDue(read, policy, clock() - forMs),
    countQueue: (policy) => countQueue(database, policy),
  }
}

/** The same for a server: nothing is removed while the registry is read-only or collection is paused. */
export function createServerCollectionFacts(
  database: Database<MetadataSchema>,
  clock: () => number = database.now,
): CollectionFacts {
  return {
    ...createCollectionFacts(database, clock),
    look: (item, policy) =>
      database.transaction(async (tx) => {
        const now = clock()
        return (await isHeld(tx, now)) ? { kind: 'held' } : look(tx, item, { policy, now })
      }, SEEING_SWITCHES),
    forgetHistory: (policy, limit) =>
      database.transaction(async (tx) => {
        const now = clock()
        return (await isHeld(tx, now)) ? 0 : forgetHistory(tx, { policy, limit, now })
      }, SEEING_SWITCHES),
  }
}

async function isHeld(tx: Writes, now: number): Promise<boolean> {
  for (const name of HOLDING) if (await readSwitch(tx, name, now)) return true
  return false
}
