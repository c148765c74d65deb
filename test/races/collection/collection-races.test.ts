import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DiskBlobStore } from '../../../src/blobs/disk/disk-blob-store.ts'
import { SeededRandom } from '../../support/content/seeded-random.ts'
import { testOnEngines } from '../../support/database/engines.ts'
import { MemoryBlobStore } from '../../support/memory/memory-blob-store.ts'
import { runWorld } from './run-world.ts'
import { openWorld } from './world.ts'

const SEED = process.env.BERTH_RACE_SEED ?? randomBytes(6).toString('hex')
/** Acts of each run; `BERTH_RACE_ACTS` for more. A transaction of PostgreSQL takes ten times as long. */
const ACTS = { sqlite: 1_000, postgres: 120 }

const test = testOnEngines()

for (const kind of ['memory', 'disk'] as const) {
  for (const count of [1, 2]) {
    test(`what is served stays whole beside collection: ${count} on ${kind}`, async (openDatabase, context) => {
      await using temporary = await openDatabase()
      const seed = `${SEED} ${kind} ${count}`
      const random = new SeededRandom(seed)
      const store =
        kind === 'memory' ? new MemoryBlobStore() : await DiskBlobStore.open(join(temporary.folder, 'blobs'))
      context.diagnostic(`BERTH_RACE_SEED=${SEED}`)
      const world = await openWorld(temporary, { count, store, random })
      const acts = Number(process.env.BERTH_RACE_ACTS ?? ACTS[temporary.database.engine])
      const counts = await runWorld(world, { acts, random })
      await store.close()
      const names = [...counts.byName].map(([name, times]) => `${times} ${name}`).join(', ')
      context.diagnostic(
        `${counts.acts} acts: ${names}; ${counts.repeated} repeated, ${counts.refused} refused`,
      )
    })
  }
}
