import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LADDER_END_MS, retryWait } from './retry-ladder.ts'

const MINUTE_MS = 60_000

describe('`retryWait()`', () => {
  test('climbs from a minute to six hours', () => {
    const waits = Array.from(
      { length: 27 },
      (_, index) => retryWait({ count: index + 1, since: 0 }, 0, 0) / MINUTE_MS,
    )
    const quick = [1, 2, 2, 5, 10, 10, 10, 20, 20, 20, 20]
    const slow = [30, 30, 30, 30, 30, 30, 60, 60, 60, 120, 120, 180, 180, 360, 360, 360]
    assert.deepEqual(waits, [...quick, ...slow])
  })

  test('is a day after thirty days of failures', () => {
    assert.equal(retryWait({ count: 200, since: 0 }, LADDER_END_MS, 0), 24 * 60 * MINUTE_MS)
    assert.equal(retryWait({ count: 200, since: 0 }, LADDER_END_MS - 1, 0), 6 * 60 * MINUTE_MS)
  })

  test('is stretched by a tenth at most', () => {
    assert.equal(retryWait({ count: 5, since: 0 }, 0, 0.5), 10.5 * MINUTE_MS)
  })
})
