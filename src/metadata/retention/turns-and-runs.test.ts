import assert from 'node:assert/strict'
import { openCollectionRoom } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { createRetentionFacts } from './create-retention-facts.ts'

const test = testOnEngines()
const MINUTE = 1 / (24 * 60)
const HOUR_MS = 3_600_000
const HOLD_MS = 10 * 60_000

async function openTurns(openDatabase: OpenDatabase) {
  const room = await openCollectionRoom(openDatabase)
  const facts = createRetentionFacts(room.database, room.clock)
  const take = (holder: string, everyMs = HOUR_MS) => facts.takeTurn({ holder, holdMs: HOLD_MS, everyMs })
  return { ...room, facts, take, [Symbol.asyncDispose]: () => room[Symbol.asyncDispose]() }
}

test('one of several processes runs retention, once within its time', async (openDatabase) => {
  await using t = await openTurns(openDatabase)
  assert.deepEqual((await Promise.all([t.take('a'), t.take('b'), t.take('c')])).toSorted(), [
    'busy',
    'busy',
    'taken',
  ])
  for (const holder of ['a', 'b', 'c']) await t.facts.endTurn(holder)
  assert.equal(await t.take('b'), 'early')
  assert.equal(await t.take('b', 0), 'taken', 'a command does not wait')
  await t.facts.endTurn('b')
  t.pass(61 * MINUTE)
  assert.equal(await t.take('a'), 'taken')
})

test('the turn of a process that has ended is free after a while, and it cannot hold it any more', async (openDatabase) => {
  await using t = await openTurns(openDatabase)
  assert.equal(await t.take('a'), 'taken')
  t.pass(9 * MINUTE)
  assert.equal(await t.facts.holdTurn('a', HOLD_MS), true)
  t.pass(9 * MINUTE)
  assert.equal(await t.take('b', 0), 'busy')
  t.pass(2 * MINUTE)
  assert.equal(await t.take('b', 0), 'taken')
  assert.equal(await t.facts.holdTurn('a', HOLD_MS), false)
  await t.facts.endTurn('a')
  assert.equal(await t.take('c', 0), 'busy')
})

test('a run over some repositories puts off no run over all', async (openDatabase) => {
  await using t = await openTurns(openDatabase)
  const takePartly = () =>
    t.facts.takeTurn({ holder: 'command', holdMs: HOLD_MS, everyMs: 0, isPartial: true })
  assert.equal(await takePartly(), 'taken')
  assert.equal((await t.facts.findTurn())?.begunAt, undefined)
  assert.equal(await t.take('a'), 'busy')
  await t.facts.endTurn('command')
  assert.equal(await t.take('a'), 'taken')
  await t.facts.endTurn('a')
  const begunAt = (await t.facts.findTurn())?.begunAt
  t.pass(59 * MINUTE)
  assert.equal(await takePartly(), 'taken')
  await t.facts.endTurn('command')
  assert.deepEqual((await t.facts.findTurn())?.begunAt, begunAt)
  t.pass(2 * MINUTE)
  assert.equal(await t.take('a'), 'taken')
})

test('a clock that is set back does not stop retention', async (openDatabase) => {
  await using t = await openTurns(openDatabase)
  assert.equal(await t.take('a'), 'taken')
  t.pass(-30)
  assert.equal(await t.take('b'), 'taken')
})

test('the log has the newest thousand runs, with their results by repository and rule', async (openDatabase) => {
  await using t = await openTurns(openDatabase)
  const totals = { repositories: 2, tagsSeen: 9, tagsEnded: 3, imagesRemoved: 1, problem: undefined }
  const repository = parseRepositoryName('team/app')
  const entries = [{ repository, rule: 'ci-*: newest 2', tags: 3 }]
  const first = await t.facts.beginRun('schedule')
  await t.facts.endRun(first, totals, entries)
  const second = await t.facts.beginRun('command')
  assert.deepEqual(
    (await t.facts.listRuns(10)).map(({ id, cause, endedAt, tagsEnded }) => [
      id,
      cause,
      endedAt !== undefined,
      tagsEnded,
    ]),
    [
      [second, 'command', false, 0],
      [first, 'schedule', true, 3],
    ],
  )
  assert.deepEqual((await t.facts.findRun(first))?.entries, entries)
  for (let count = 0; count < 999; count++) await t.facts.beginRun('schedule')
  assert.equal(await t.facts.findRun(first), undefined)
  await t.facts.endRun(first, totals, entries)
  assert.equal((await t.facts.listRuns(5_000)).length, 1_000)
})
