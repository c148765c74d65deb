import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { rememberBriefly } from './remember-briefly.ts'

test('`rememberBriefly()` reads once for all that call within its time, and again after it', async () => {
  let count = 0
  const read = rememberBriefly(async () => ++count, 200)
  assert.deepEqual(await Promise.all([read(), read(), read()]), [1, 1, 1])
  assert.equal(await read(), 1)
  await setTimeout(250)
  assert.equal(await read(), 2)
})

test('`rememberBriefly()` remembers no failure', async () => {
  let count = 0
  const read = rememberBriefly(async () => {
    if (++count === 1) throw new Error('cut off')
    return count
  }, 60_000)
  await assert.rejects(read(), /cut off/)
  assert.equal(await read(), 2)
})
