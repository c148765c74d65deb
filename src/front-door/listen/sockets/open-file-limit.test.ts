import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectionLimit, openFileLimit } from './open-file-limit.ts'

for (const [openFiles, expected] of [
  [1_048_576, 20_000],
  [20_000, 17_500],
  [1_024, 896],
  [256, 192],
  [64, 1],
] as const) {
  test(`of ${openFiles} files that may be open, ${expected} are for connections`, () => {
    assert.equal(connectionLimit(20_000, openFiles), expected)
  })
}

test('the limit of this process is that of the system', { skip: process.platform !== 'linux' }, () => {
  assert.ok((openFileLimit() ?? 0) > 16)
})
