import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BlobStore } from '../../../src/blobs/blob-store.ts'
import type { SeededRandom } from '../../support/content/seeded-random.ts'

/** Most turns of the event loop before and after a call; of a removal more, so that pushes meet it. */
const MOST_TURNS = 6
const MOST_TURNS_OF_DELETE = 60

/** A store whose calls begin and end some turns later, so that those of several requests fall into one another. */
export function slowStore(store: BlobStore, random: SeededRandom): BlobStore {
  const wait = async (most: number): Promise<void> => {
    for (let turns = random.between(0, most); turns > 0; turns--) await nextTurn()
  }
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name === 'beginUpload') return value.bind(target)
      return async (...parameters: unknown[]) => {
        const most = name === 'delete' ? MOST_TURNS_OF_DELETE : MOST_TURNS
        await wait(most)
        const result = await value.apply(target, parameters)
        await wait(most)
        return result
      }
    },
  })
}
