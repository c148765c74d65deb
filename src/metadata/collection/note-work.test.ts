import assert from 'node:assert/strict'
import { openCollectionRoom } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'

const test = testOnEngines()
const HOUR = 1 / 24

test('after a pause of more than a day collection waits for one', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  assert.equal(await t.facts.noteWork(), undefined, 'a new database')
  t.pass(16 * HOUR)
  assert.equal(await t.facts.noteWork(), undefined, 'a server that is off at night')
  t.pass(20)
  assert.ok(await t.facts.noteWork())
  for (const hours of [1, 22]) {
    t.pass(hours * HOUR)
    assert.ok(await t.facts.noteWork())
  }
  t.pass(2 * HOUR)
  assert.equal(await t.facts.noteWork(), undefined)
})

test('a clock that jumps ahead removes nothing, and once it is right collection waits for a day at most', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.facts.noteWork()
  t.pass(400)
  assert.ok(await t.facts.noteWork(), 'nobody was away')
  t.pass(-400)
  assert.ok(await t.facts.noteWork())
  t.pass(20 * HOUR)
  await t.facts.noteWork()
  t.pass(5 * HOUR)
  assert.equal(await t.facts.noteWork(), undefined)
})
