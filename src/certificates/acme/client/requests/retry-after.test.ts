import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MAX_RETRY_AFTER_MS, parseRetryAfter } from './retry-after.ts'

const NOW = Date.UTC(2026, 10, 24, 10, 0, 0)

describe('`parseRetryAfter()`', () => {
  const rows: readonly [string | undefined, number | undefined][] = [
    [undefined, undefined],
    ['', undefined],
    ['0', 0],
    [' 120 ', 120_000],
    ['9999999999', MAX_RETRY_AFTER_MS],
    ['99999999999999999999', undefined],
    ['-5', 0],
    ['1.5', 0],
    ['soon', undefined],
    ['Tue, 24 Nov 2026 11:00:00 GMT', 3_600_000],
    ['Tue, 24 Nov 2020 11:00:00 GMT', 0],
    ['Tue, 24 Nov 2096 11:00:00 GMT', MAX_RETRY_AFTER_MS],
  ]
  for (const [header, expected] of rows)
    test(`reads ${JSON.stringify(header)} as ${expected}`, () => {
      assert.equal(parseRetryAfter(header, NOW), expected)
    })
})
