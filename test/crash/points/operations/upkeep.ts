import { formatManifest } from '../../../support/memory/registry-room.ts'
import { POLICY } from '../site.ts'
import {
  APP,
  blobThing,
  imageOf,
  layerText,
  manifestThing,
  type PointRoom,
  pushBlob,
  tagThing,
  WEB,
} from './content.ts'
import type { Operation } from './operation.ts'

/** Longer than anything is kept. */
export const LATER_MS = POLICY.keepMs + POLICY.relyMs + 1

/** An index of the base. */
export const INDEX = formatManifest({ children: [imageOf('a'), imageOf('c')] })

/** Work of the server for itself. */
export const UPKEEP: readonly Operation[] = [
  {
    name: 'collect all that is due',
    isUpkeep: true,
    async run(room) {
      noteDue(room)
      room.site.clock.now += LATER_MS
      await room.site.collect()
    },
  },
  {
    name: 'empty the trash and collect at once',
    isUpkeep: true,
    async run(room) {
      noteDue(room)
      room.site.clock.now += POLICY.relyMs + 1
      await room.site.metadata.emptyTrash()
      await room.site.collect({ ...POLICY, keepMs: 0 })
    },
  },
  {
    name: 'push what is collected at the same time',
    isInterleaved: true,
    async run(room) {
      noteDue(room)
      room.site.clock.now += LATER_MS
      const results = await Promise.allSettled([
        room.site.collect(),
        pushBlob(room, WEB, layerText('old')),
        pushBlob(room, WEB, layerText('unnamed')),
      ])
      for (const result of results) if (result.status === 'rejected') throw result.reason
    },
  },
  {
    name: 'end tags by rules',
    isUpkeep: true,
    async run(room) {
      noteDue(room)
      // The images of the index go when the operation is repeated, later.
      for (const bytes of [INDEX, imageOf('a'), imageOf('c')])
        room.ledger.mayRemove(manifestThing(APP, bytes))
      // Two days pass: retention keeps images that were pushed or pulled during the last one.
      room.site.clock.now += 2 * 24 * 3_600_000
      await room.ledger.step({ [tagThing(APP, 'multi')]: undefined }, () => room.site.retain())
    },
  },
  {
    name: 'sweep and remove unfinished uploads',
    isUpkeep: true,
    async run({ site, ledger }) {
      if (ledger.upload) ledger.upload.mayHaveEnded = true
      await site.sweep()
      await site.expireUploads()
    },
  },
]

/** All that is due in the base once its time has come; each may go before others. */
export function noteDue({ ledger }: PointRoom): void {
  ledger.mayRemove(
    manifestThing(APP, imageOf('old', 'a')),
    blobThing(APP, layerText('old')),
    blobThing(WEB, layerText('trash')),
    blobThing(WEB, layerText('unnamed')),
  )
}
