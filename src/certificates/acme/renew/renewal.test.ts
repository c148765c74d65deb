import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AttemptState, attemptTime, isOutside, pickTime, renewalTime, urgencyAt } from './renewal.ts'

const HOUR_MS = 3600 * 1000
const DAY_MS = 24 * HOUR_MS
const START = Date.UTC(2026, 0, 1)

/** Lifetime, and the hours after its start of the renewal, of the urgent window, and of the last call. */
const LIFETIMES: readonly {
  readonly title: string
  readonly hours: number
  readonly renew: number
  readonly urgent: number
  readonly last: number
}[] = [
  { title: '90 days', hours: 2160, renew: 1440, urgent: 2052, last: 2116.8 },
  { title: '64 days', hours: 1536, renew: 1024, urgent: 1459.2, last: 1505.28 },
  { title: '45 days', hours: 1080, renew: 720, urgent: 1026, last: 1058.4 },
  { title: '6 days', hours: 144, renew: 96, urgent: 136.8, last: 141.12 },
  { title: '7 hours', hours: 7, renew: 4 + 40 / 60, urgent: 6.65, last: 6.86 },
]

function validity(hours: number): { notBefore: number; notAfter: number } {
  return { notBefore: START, notAfter: START + hours * HOUR_MS }
}

function state(change: Partial<AttemptState>): AttemptState {
  return {
    ...{ now: START, certificate: undefined, mustReplace: false, chosenAt: undefined },
    ...{ lastAttemptAt: undefined, nextAttemptAt: undefined, notBeforeByCa: undefined },
    ...change,
  }
}

function assertNear(actual: number, expected: number): void {
  assert.ok(
    Math.abs(actual - expected) <= 1,
    `${new Date(actual).toISOString()} is not ${new Date(expected).toISOString()}`,
  )
}

describe('`renewalTime()`', () => {
  for (const { title, hours, renew, urgent } of LIFETIMES) {
    test(`leaves a third of ${title}`, () => {
      assertNear(renewalTime(validity(hours), undefined), START + renew * HOUR_MS)
    })
    test(`goes by the advice of the CA within ${title}, but not beyond the urgent window`, () => {
      const advised = START + (hours / 2) * HOUR_MS
      assert.equal(renewalTime(validity(hours), advised), advised)
      assertNear(renewalTime(validity(hours), START + hours * HOUR_MS), START + urgent * HOUR_MS)
    })
  }
})

describe('`urgencyAt()`', () => {
  for (const { title, hours, renew, urgent, last } of LIFETIMES)
    test(`grows over ${title}`, () => {
      const at = (hour: number): string => urgencyAt(validity(hours), START + hour * HOUR_MS)
      const found = [-DAY_MS, 0, renew, urgent - 0.01, urgent + 0.01, last + 0.01, hours, hours + 1].map(at)
      assert.deepEqual(found, ['soon', 'soon', 'soon', 'soon', 'urgent', 'last-call', 'expired', 'expired'])
    })
})

describe('`attemptTime()`', () => {
  const acme = (hours: number): NonNullable<AttemptState['certificate']> => ({
    ...validity(hours),
    origin: 'acme',
  })

  test('is now without a certificate, and when the one in use is a test', () => {
    assert.equal(attemptTime(state({})), START)
    assert.equal(attemptTime(state({ certificate: acme(2160), mustReplace: true })), START)
  })

  test('leaves a pair of the operator alone until it is urgent', () => {
    const certificate = { ...validity(2160), origin: 'operator' } as const
    assertNear(attemptTime(state({ certificate, chosenAt: START })), START + 2052 * HOUR_MS)
  })

  for (const { title, hours, renew, urgent, last } of LIFETIMES)
    test(`cuts waits short at the end of ${title}`, () => {
      const wait = (hour: number): number => {
        const now = START + hour * HOUR_MS
        const failed = { lastAttemptAt: now, nextAttemptAt: now + 6 * HOUR_MS }
        return (attemptTime(state({ now, certificate: acme(hours), ...failed })) - now) / HOUR_MS
      }
      assert.equal(wait(renew + 0.01), 6)
      assert.equal(wait(urgent + 0.01), 1)
      assert.equal(wait(last + 0.01), 0.25)
      assert.equal(wait(hours + 1), 6, 'what has expired has nothing to lose')
    })

  test('never comes before the time that the CA named, however urgent it is', () => {
    const now = START + 2159 * HOUR_MS
    const waits = { lastAttemptAt: now, nextAttemptAt: now + 3 * HOUR_MS, notBeforeByCa: now + 3 * HOUR_MS }
    assert.equal(attemptTime(state({ now, certificate: acme(2160), ...waits })), now + 3 * HOUR_MS)
  })

  test('is not put off by a clock that was years ahead', () => {
    const ahead = START + 3650 * DAY_MS
    const waits = { lastAttemptAt: ahead, nextAttemptAt: ahead + HOUR_MS, notBeforeByCa: ahead + HOUR_MS }
    assert.equal(attemptTime(state(waits)), START)
  })

  test('is at once when the clock jumps over the time of renewal', () => {
    const certificate = acme(2160)
    const now = START + 1500 * HOUR_MS
    assert.ok(attemptTime(state({ now, certificate })) <= now)
  })
})

describe('`pickTime()`', () => {
  const window = { start: START, end: START + DAY_MS, explanationUrl: undefined, checkAt: 0 }

  test('lies in the window for each random number', () => {
    for (const random of [0, 0.25, 0.999_999])
      assert.equal(isOutside(pickTime(window, random), window), false)
    assert.equal(pickTime(window, 0.5), START + DAY_MS / 2)
  })

  test('is outside when the window moves', () => {
    assert.equal(isOutside(START - 1, window), true)
    assert.equal(isOutside(START + DAY_MS + 1, window), true)
  })
})
