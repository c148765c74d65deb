import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { TransactionGate } from './transaction-gate.ts'

const UNAVAILABLE = { code: 'UNAVAILABLE' }

test('`TransactionGate` runs some at once, and the others in their order', async () => {
  const gate = new TransactionGate(2)
  const order: string[] = []
  let most = 0
  let running = 0
  const pass = (name: string) =>
    gate.pass(async () => {
      order.push(name)
      most = Math.max(most, ++running)
      await sleep(2)
      running--
    })
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map(pass))
  assert.deepEqual([most, order.join('')], [2, 'abcde'])
})

test('`TransactionGate` gives up one that waits for too long, which is never run, and lets others in', async () => {
  const gate = new TransactionGate(1, { maxWaitMs: 10 })
  const held = Promise.withResolvers<void>()
  const first = gate.pass(() => held.promise)
  const ran: string[] = []
  await assert.rejects(
    gate.pass(async () => void ran.push('second')),
    UNAVAILABLE,
  )
  const third = gate.pass(async () => void ran.push('third'))
  held.resolve()
  await Promise.all([first, third])
  await gate.pass(async () => void ran.push('fourth'))
  assert.deepEqual(ran, ['third', 'fourth'])
})

test('`TransactionGate` passes errors on, and lets the next one in', async () => {
  const gate = new TransactionGate(0)
  await assert.rejects(
    gate.pass(async () => {
      throw new Error('work')
    }),
    /work/,
  )
  assert.equal(await gate.pass(async () => 'next'), 'next')
})
