import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WorkGate } from '../work-gate.ts'
import { MAX_ORDERS, OrderThrottle } from './order-throttle.ts'

test('`OrderThrottle` lets ten orders pass in a window, and the next ones in the next', async () => {
  const windowMs = 200
  const throttle = new OrderThrottle(windowMs)
  const start = performance.now()
  const times = await Promise.all(
    Array.from({ length: 2 * MAX_ORDERS + 1 }, () =>
      throttle.pass(undefined).then(() => performance.now() - start),
    ),
  )
  // A later one may pass before an earlier one that waits a second time: the bound is on their number, not their order.
  times.sort((left, right) => left - right)
  const [second = 0, third = 0] = [MAX_ORDERS, 2 * MAX_ORDERS].map((index) => times[index])
  // From before the first call: a slow machine may make it longer, never shorter; timers are exact to a millisecond.
  assert.ok(second >= windowMs - 1, `${second} ms`)
  assert.ok(third >= 2 * windowMs - 2, `${third} ms`)
})

test('`OrderThrottle` lets go of who no longer waits', async () => {
  const throttle = new OrderThrottle()
  for (let index = 0; index < MAX_ORDERS; index++) await throttle.pass(undefined)
  const stop = new AbortController()
  const waiting = throttle.pass(stop.signal)
  stop.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
})

test('`WorkGate` runs no more than its width at once, and goes on after a failure', async () => {
  const gate = new WorkGate(2)
  let running = 0
  let most = 0
  const work = async (index: number): Promise<void> => {
    most = Math.max(most, ++running)
    await new Promise(setImmediate)
    running--
    if (index === 1) throw new Error('one fails')
  }
  const results = await Promise.allSettled(
    Array.from({ length: 7 }, (_, index) => gate.run(() => work(index))),
  )
  assert.equal(most, 2)
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 6)
})
