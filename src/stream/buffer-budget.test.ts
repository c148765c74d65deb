import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { BufferBudget, MAX_TRANSFERS } from './buffer-budget.ts'
import { ChunkCollector } from './chunk-collector.ts'
import { receive } from './receive.ts'

const OPTIONS = { consume: async () => {}, maxBytes: 1_000, gapMs: 5_000 }

test('`BufferBudget` hands out smaller buffers the more transfers there are, and no more than are wanted', () => {
  const budget = new BufferBudget(new ChunkCollector())
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

test('`BufferBudget` hands out again what was given back, and keeps little while nothing is transferred', () => {
  const budget = new BufferBudget(new ChunkCollector())
  for (let i = 0; i < 50; i++) budget.enter()
  const count = 50 * budget.buffersPerTransfer
  const taken = Array.from({ length: count }, () => budget.take())
  for (const buffer of taken) budget.give(buffer)
  const again = Array.from({ length: count }, () => budget.take())
  // By identity: a new buffer may have the same content.
  const known = new Set(taken)
  assert.equal(new Set(again.filter((buffer) => known.has(buffer))).size, count)
  assert.ok(!taken.includes(budget.take()), 'each is out once')
  for (const buffer of again) budget.give(buffer)
  for (let i = 0; i < 50; i++) budget.leave()
  budget.enter()
  assert.ok(!taken.includes(budget.take(64 * 1024)), 'what was kept for many is gone')
})

for (const [many, few] of [
  [10, 5],
  [500, 10],
  [2_000, 10],
  [4_096, 1],
] as const) {
  test(`\`BufferBudget\` hands out again when ${few} of ${many} transfers are left`, () => {
    const budget = new BufferBudget(new ChunkCollector())
    const transfers = Array.from({ length: many }, () => {
      budget.enter()
      return Array.from({ length: 4 }, () => budget.take())
    })
    for (const buffers of transfers) for (const buffer of buffers) budget.give(buffer)
    for (let left = many; left > few; left--) budget.leave()
    const handedOut = new Set<Buffer>()
    for (let turn = 0; turn < 200; turn++) {
      const buffer = budget.take()
      handedOut.add(buffer)
      budget.give(buffer)
    }
    assert.ok(handedOut.size <= 4, `${handedOut.size} buffers were made`)
  })
}

test('`BufferBudget` forgets buffers that are too large for the load', () => {
  const budget = new BufferBudget(new ChunkCollector())
  budget.enter()
  const [kept, large] = [budget.take(), budget.take()]
  budget.give(kept)
  for (let i = 1; i < 50; i++) budget.enter()
  budget.give(large)
  for (let i = 1; i < 50; i++) budget.leave()
  assert.ok(![kept, large].includes(budget.take()))
})

test('`BufferBudget` turns away what is too much, and takes it once another has ended', async () => {
  const budget = new BufferBudget(new ChunkCollector())
  for (let i = 0; i < MAX_TRANSFERS; i++) budget.enter()
  const source = new PassThrough()
  source.end('abc')
  await assert.rejects(receive(source, { ...OPTIONS, budget }), { code: 'TOOMANYREQUESTS' })
  budget.leave()
  assert.deepEqual(await receive(source, { ...OPTIONS, budget }), { interruption: undefined })
  budget.enter()
  assert.throws(() => budget.enter(), { code: 'TOOMANYREQUESTS' })
})

test('`BufferBudget` hands out memory that a thread can share while transfers are few', () => {
  const budget = new BufferBudget(new ChunkCollector())
  const isShared = (): boolean => budget.take().buffer instanceof SharedArrayBuffer
  for (let count = 1; count <= 8; count++) budget.enter()
  assert.deepEqual([budget.transfers, isShared()], [8, true])
  budget.enter()
  assert.equal(isShared(), false)
})
