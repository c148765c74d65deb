import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { BufferBudget, MAX_TRANSFERS } from './buffer-budget.ts'
import { receive } from './receive.ts'

const OPTIONS = { consume: async () => {}, maxBytes: 1_000, gapMs: 5_000 }

test('`BufferBudget` hands out smaller buffers the more transfers there are, and no more than are wanted', () => {
  const budget = new BufferBudget()
  budget.enter()
  assert.equal(budget.take().length, 1024 * 1024)
  assert.equal(budget.take(70_000).length, 128 * 1024)
  for (let i = 1; i < 32; i++) budget.enter()
  assert.equal(budget.take().length, 128 * 1024)
  for (let i = 32; i < 500; i++) budget.enter()
  assert.equal(budget.take().length, 64 * 1024)
  for (let i = 500; i < 1_025; i++) budget.enter()
  assert.equal(budget.take().length, 16 * 1024)
})

test('`BufferBudget` turns away what is too much, and takes it once another has ended', async () => {
  const budget = new BufferBudget()
  for (let i = 0; i < MAX_TRANSFERS; i++) budget.enter()
  const source = new PassThrough()
  source.end('abc')
  await assert.rejects(receive(source, { ...OPTIONS, budget }), { code: 'TOOMANYREQUESTS' })
  budget.leave()
  assert.deepEqual(await receive(source, { ...OPTIONS, budget }), { interruption: undefined })
  budget.enter()
  assert.throws(() => budget.enter(), { code: 'TOOMANYREQUESTS' })
})
