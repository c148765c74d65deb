import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TopTable } from './top-table.ts'

test('TopTable ranks by bytes, then by requests, and forgets with time', () => {
  const table = new TopTable()
  for (let i = 0; i < 3; i++) table.add('often', { bytes: 0, now: 0 })
  table.add('large', { bytes: 1000, now: 0 })
  table.add('once', { bytes: 0, now: 0 })
  const at = (now: number) => table.list(now)
  assert.deepEqual(
    at(0).map(({ name }) => name),
    ['large', 'often', 'once'],
  )
  const [first] = at(0)
  const [later] = at(30_000)
  assert.ok(Math.abs((first?.bytesPerSecond ?? 0) - 1000 * (Math.LN2 / 30)) < 1e-9)
  assert.ok(Math.abs((later?.bytesPerSecond ?? 0) * 2 - (first?.bytesPerSecond ?? 0)) < 1e-9)
})

test('TopTable keeps frequent names among any number of others, within its bound, and says what may be wrong', () => {
  const table = new TopTable()
  for (let i = 0; i < 20_000; i++) {
    table.add(`stranger-${i}`, { bytes: 1, now: 0 })
    if (i % 10 === 0) table.add('regular', { bytes: 100, now: 0 })
  }
  const list = table.list(0)
  assert.equal(list.length, 50)
  const [first] = list
  assert.equal(first?.name, 'regular')
  assert.equal(first?.excessPerSecond, 0)
  // A late stranger has the count of those before it, and says so.
  assert.ok(
    list.slice(1).every(({ requestsPerSecond, excessPerSecond }) => excessPerSecond > requestsPerSecond / 2),
  )
})
