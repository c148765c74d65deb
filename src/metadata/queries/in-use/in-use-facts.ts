import type { Database } from '../../../database/database.ts'
import { recordEvent } from '../../../events/record-event.ts'
import type { InUseFacts } from '../../in-use-facts.ts'
import type { MetadataSchema } from '../../schema.ts'
import { findRepositoryId } from '../repositories.ts'
import { findInUse } from './find-in-use.ts'
import { listPins, pin, unpin } from './pins.ts'
import { listRunning, recordRunning } from './running-images.ts'

/** {@link InUseFacts} in SQL. */
export function createInUseFacts(
  { read, transaction }: Database<MetadataSchema>,
  clock: () => number,
): InUseFacts {
  return {
    pin: ({ repository, reference, reason }, by) =>
      transaction(async (tx) => {
        const now = clock()
        const pinned = await pin(tx, { repository, reference, reason, by, now })
        const event = { action: 'pin.set', who: by, repository, digest: pinned?.digest, reason } as const
        if (pinned) await recordEvent(tx, event, now)
        return pinned
      }),
    unpin: (repository, reference, by) =>
      transaction(async (tx) => {
        const now = clock()
        const digests = await unpin(tx, { repository, reference, now })
        for (const digest of digests)
          await recordEvent(tx, { action: 'pin.remove', who: by, repository, digest }, now)
        return digests
      }),
    listPins: (selection) => listPins(read, selection),
    recordRunning: (engine, images) =>
      transaction((tx) => recordRunning(tx, { engine, images, now: clock() })),
    listRunning: (limit) => listRunning(read, { limit, now: clock() }),
    async describeInUse(repository, digests) {
      const repositoryId = await findRepositoryId(read, repository)
      if (repositoryId === undefined) return new Map()
      return findInUse(read, { repositoryId, digests, now: clock() })
    },
  }
}
