import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentLines } from './recent-lines.ts'

test('RecentLines keeps the last lines, within 256 Ki characters', () => {
  const recent = new RecentLines()
  for (let i = 0; i < 20_000; i++) recent.add(`${String(i).padStart(99, '0')}\n`)
  const lines = recent.list()
  assert.equal(lines.at(-1), '19999'.padStart(99, '0'))
  assert.equal(lines.length, Math.floor((256 * 1024) / 99))
  recent.add('x'.repeat(1024 * 1024))
  assert.equal(recent.list().at(-1)?.length, 4 * 1024 + 1)
})
