import assert from 'node:assert/strict'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { createCollectionFacts } from './create-collection-facts.ts'
import { createRoundFacts } from './create-round-facts.ts'

const test = testOnEngines()
const DAY = 24 * 3_600_000

test('a round is read as it was noted last, and a wait after a pause until it is over', async (openDatabase) => {
  await using temporary = await openDatabase()
  let now = Date.UTC(2030, 0, 1)
  const rounds = createRoundFacts(temporary.database, () => now)
  const facts = createCollectionFacts(temporary.database, () => now)
  assert.equal(await rounds.read(), undefined)
  assert.deepEqual(await rounds.readTimes(), { lastAt: undefined, waitsUntil: undefined })
  const progress = {
    startedAt: new Date(now),
    ...{ lookedAt: 9, repositories: 1, manifests: 2, blobs: 3, freedBytes: 2 ** 40, failed: 0 },
  }
  now += 1_000
  await rounds.note({ ...progress, isEnded: false })
  assert.deepEqual(await rounds.read(), { ...progress, notedAt: new Date(now), endedAt: undefined })
  now += 1_000
  await rounds.note({ ...progress, lookedAt: 10, isEnded: true })
  const ended = await rounds.read()
  assert.deepEqual([ended?.lookedAt, ended?.endedAt], [10, new Date(now)])
  await facts.noteWork()
  now += 2 * DAY
  const until = await facts.noteWork()
  assert.deepEqual(await rounds.readTimes(), { lastAt: new Date(now), waitsUntil: until })
  now += DAY
  assert.equal((await rounds.readTimes()).waitsUntil, undefined)
})
