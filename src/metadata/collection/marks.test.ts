import assert from 'node:assert/strict'
import { APP, openCollectionRoom, POLICY } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { hashContent } from '../../oci/digest.ts'

const test = testOnEngines()
const LAYER = hashContent('layer')
const MINUTE = 1 / 1440

/** A layer whose bytes a process is removing. */
async function openMarked(openDatabase: OpenDatabase) {
  const t = await openCollectionRoom(openDatabase)
  await t.link('layer')
  await t.metadata.unlinkBlob(APP, LAYER)
  const [item] = await t.facts.listDue(POLICY, 1)
  assert.ok(item)
  const mark = await t.facts.look(item, POLICY)
  assert.ok(mark.kind === 'marked')
  return { t, item, mark }
}

test('a push waits for a process that removes the same bytes, and not for one that has ended', async (openDatabase) => {
  const { t, item, mark } = await openMarked(openDatabase)
  await using _ = t
  assert.equal(await t.metadata.claimBlob(LAYER), 'removing')
  t.pass(6 * MINUTE)
  assert.equal(await t.metadata.claimBlob(LAYER), 'claimed')
  assert.equal((await t.facts.look(item, POLICY)).kind, 'postponed', 'it is being pushed')
  await t.link('layer')
  await t.facts.forgetBlob(mark)
  assert.ok(await t.metadata.findBlob(APP, LAYER), 'its end comes too late')
})

test('a process that comes back too late does not end the removal of another one', async (openDatabase) => {
  const { t, item, mark } = await openMarked(openDatabase)
  await using _ = t
  t.pass(6 * MINUTE)
  const next = await t.facts.look(item, POLICY)
  assert.ok(next.kind === 'marked')
  await t.facts.forgetBlob(mark)
  assert.equal(await t.metadata.claimBlob(LAYER), 'removing', 'its bytes may vanish at any moment')
  await t.facts.forgetBlob(next)
  assert.equal(await t.metadata.claimBlob(LAYER), 'claimed')
})

test('a mark made while the clock was ahead holds for minutes, not until that day', async (openDatabase) => {
  const { t, item } = await openMarked(openDatabase)
  await using _ = t
  t.pass(-1)
  assert.equal(await t.metadata.claimBlob(LAYER), 'removing')
  t.pass(6 * MINUTE)
  assert.equal(await t.metadata.claimBlob(LAYER), 'claimed')
  t.pass(1)
  assert.equal((await t.facts.look(item, POLICY)).kind, 'marked')
})
