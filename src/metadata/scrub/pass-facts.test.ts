import assert from 'node:assert/strict'
import { DAY, openCollectionRoom } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { hashContent } from '../../oci/digest.ts'
import { createPassFacts } from './create-pass-facts.ts'

const test = testOnEngines()
const MINUTE = 1 / 1440
const BEGIN = { position: undefined, checked: 0, bytes: 0, found: 0, repaired: 0 }
const HALF = { position: hashContent('m'), checked: 5, bytes: 500, found: 1, repaired: 1 }

test('one process at a time works on a pass, and after its end or its death another one goes on', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  const passes = createPassFacts(t.database, t.clock)
  const take = (holder: string) => passes.take('scrub', { holder, everyMs: DAY })
  assert.equal(await passes.read('scrub'), undefined)
  assert.deepEqual(await take('a'), BEGIN)
  assert.equal(await take('b'), 'held')
  assert.deepEqual(await passes.take('sweep', { holder: 'b', everyMs: DAY }), BEGIN, 'another kind')
  assert.equal(await passes.note('scrub', 'a', HALF), true)
  await passes.leave('scrub', 'a', { ...HALF, isEnded: false })
  assert.deepEqual(await take('b'), HALF)
  t.pass(3 * MINUTE)
  assert.deepEqual(await take('c'), HALF, 'b has ended without a word')
  assert.equal(await passes.note('scrub', 'b', BEGIN), false)
  await passes.leave('scrub', 'b', { ...BEGIN, isEnded: true })
  const { startedAt, ...pass } = (await passes.read('scrub')) ?? assert.fail()
  assert.deepEqual(pass, { ...HALF, endedAt: undefined, isHeld: true })
  assert.equal(startedAt.getTime(), t.clock() - 3 * MINUTE * DAY)
})

test('the next pass begins when it is due, or anew where that is wanted', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  const passes = createPassFacts(t.database, t.clock)
  const due = { holder: 'a', everyMs: 30 * DAY }
  await passes.take('scrub', due)
  await passes.leave('scrub', 'a', { ...HALF, isEnded: true })
  t.pass(29)
  assert.equal(await passes.take('scrub', due), 'not-due')
  assert.equal((await passes.read('scrub'))?.checked, 5)
  assert.deepEqual(await passes.take('scrub', { holder: 'b', everyMs: 0 }), BEGIN)
  await passes.note('scrub', 'b', HALF)
  assert.deepEqual(await passes.take('scrub', { holder: 'c', everyMs: 0, isTakenOver: true }), HALF)
  assert.equal(await passes.note('scrub', 'b', HALF), false)
  await passes.leave('scrub', 'c', { ...HALF, isEnded: false })
  assert.deepEqual(await passes.take('scrub', { holder: 'd', everyMs: 0, isAnew: true }), BEGIN)
  t.pass(-400)
  assert.deepEqual(await passes.take('scrub', due), BEGIN, 'the clock was set back')
})
