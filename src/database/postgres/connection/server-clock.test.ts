import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ServerClock } from './server-clock.ts'

const HOUR_MS = 3_600_000

function make({ aheadMs = 0 } = {}) {
  const times = { own: 1_800_000_000_000, aheadMs, questions: 0, isDown: false }
  const clock = new ServerClock({
    ownClock: () => times.own,
    readTime: async () => {
      times.questions++
      if (times.isDown) throw new Error('down')
      return times.own + times.aheadMs
    },
  })
  return { clock, times }
}

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1_000, `${actual - expected} ms off`)
}

test('`ServerClock` gives the time of the server, compared once a minute', async () => {
  const { clock, times } = make({ aheadMs: HOUR_MS })
  await clock.compare()
  assertNear(clock.now(), times.own + HOUR_MS)
  times.own += 59_000
  clock.now()
  assert.equal(times.questions, 1)
  times.own += 1_000
  times.aheadMs = 2 * HOUR_MS
  clock.now()
  clock.now()
  assert.equal(times.questions, 2)
  await nextTurn()
  assertNear(clock.now(), times.own + 2 * HOUR_MS)
})

test('`ServerClock` compares again after this machine was set back', async () => {
  const { clock, times } = make()
  await clock.compare()
  const server = times.own
  times.own -= HOUR_MS
  times.aheadMs += HOUR_MS
  clock.now()
  await nextTurn()
  assertNear(clock.now(), server)
})

test('`ServerClock` keeps the last difference while the server is away', async () => {
  const { clock, times } = make({ aheadMs: HOUR_MS })
  await clock.compare()
  times.isDown = true
  times.own += 60_000
  clock.now()
  await nextTurn()
  assertNear(clock.now(), times.own + HOUR_MS)
  await assert.rejects(clock.compare(), /down/)
})
