import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration } from './parse-duration.ts'

test('`parseDuration()` reads seconds, minutes, hours and days', () => {
  assert.equal(parseDuration('45s'), 45_000)
  assert.equal(parseDuration('30m'), 1_800_000)
  assert.equal(parseDuration('2h'), 7_200_000)
  assert.equal(parseDuration('14d'), 1_209_600_000)
})

for (const text of ['', '2', 'h', '0h', '-1h', '1.5h', '2w', '999999d', '2h30m']) {
  test(`\`parseDuration()\` refuses "${text}"`, () => {
    assert.throws(() => parseDuration(text), { code: 'USAGE' })
  })
}
