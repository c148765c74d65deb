import assert from 'node:assert/strict'
import { DAY, openCollectionRoom } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { MemoryBlobStore } from '../../../test/support/memory/memory-blob-store.ts'
import { createPassFacts } from '../../metadata/scrub/create-pass-facts.ts'
import { hashContent } from '../../oci/digest.ts'
import { sweep } from './sweep.ts'

const test = testOnEngines()
const UNPACED = { stepsPerSecond: 1e9, bytesPerSecond: 1e15 }
const GRACE_MS = 3_600_000

test('a sweep that is held stops, goes on where it was, and queues files that the database does not name', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  const blobs = new MemoryBlobStore()
  for (let number = 0; number < 250; number++)
    await blobs.put(hashContent(`orphan ${number}`), Buffer.from('orphan'))
  await blobs.put(hashContent('layer'), Buffer.from('layer'))
  await t.link('layer')
  const passes = createPassFacts(t.database, t.clock)
  const run = async (holder: string, mayGoOn: () => Promise<boolean>) => {
    const from = await passes.take('sweep', { holder, everyMs: 0 })
    if (typeof from === 'string') return assert.fail(from)
    const parts = { blobs, facts: t.facts, passes, holder, graceMs: GRACE_MS, pace: UNPACED, mayGoOn }
    return sweep(parts, from)
  }
  let pages = 0
  const first = await run('a', async () => ++pages <= 1)
  assert.deepEqual([first.isEnded, first.checked], [false, 100])
  const { isEnded, checked, found } = await run('b', async () => true)
  assert.deepEqual([isEnded, checked, found], [true, 251, 250])
  assert.ok((await passes.read('sweep'))?.endedAt)
  assert.deepEqual(
    await t.facts
      .listDue({ keepMs: 0, relyMs: 0 }, 1_000)
      .then((due) => due.filter(({ kind }) => kind === 'blob')),
    [],
    'a push has an hour to name it',
  )
  t.pass(1)
  assert.equal((await t.collect({ keepMs: 2 * DAY, relyMs: 2 * DAY })).length, 250)
})
