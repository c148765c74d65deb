import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHECK_STANDS_MS, shareCheck } from './share-check.ts'

test('`shareCheck()` runs once for all who ask within a moment, and anew after a failure', async () => {
  let runs = 0
  let now = 0
  let failure: Error | undefined
  const check = shareCheck(
    async () => {
      runs++
      await new Promise(setImmediate)
      if (failure) throw failure
    },
    () => now,
  )
  await Promise.all([check(), check(), check()])
  await check()
  assert.equal(runs, 1)
  now += CHECK_STANDS_MS
  failure = new Error('the disk is full')
  const results = await Promise.allSettled([check(), check()])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  await assert.rejects(check(), failure)
  assert.equal(runs, 3)
  failure = undefined
  await check()
  assert.equal(runs, 4)
})
