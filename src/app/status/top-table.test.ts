import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TopTable } from './top-table.ts'

test('TopTable ranks by bytes, then by requests, and forgets with time', () => {
  const table = new TopTable()
  for (let i = 0; i < 3; i++) table.add('often', { bytes: 0, hasFailed: false, now: 0 })
  table.add('large', { bytes: 1000, hasFailed: false, now: 0 })
  table.add('once', { bytes: 0, hasFailed: false, now: 0 })
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
    table.add(`stranger-${i}`, { bytes: 1, hasFailed: false, now: 0 })
    if (i % 10 === 0) table.add('regular', { bytes: 100, hasFailed: false, now: 0 })
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

test('TopTable counts as a full sort would, also after its weights began again', () => {
  const table = new TopTable()
  const expected = new Map<string, number>()
  let seed = 1
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  const end = 20_000_000
  for (let now = 0; now <= end; now += 5_000) {
    const name = `name-${Math.floor(random() ** 2 * 200)}`
    table.add(name, { bytes: 10, hasFailed: false, now })
    expected.set(name, (expected.get(name) ?? 0) + 0.5 ** ((end - now) / 30_000))
  }
  const order = [...expected].sort(([, a], [, b]) => b - a).slice(0, 20)
  const found = table.list(end).slice(0, 20)
  assert.deepEqual(
    found.map(({ name }) => name),
    order.map(([name]) => name),
  )
  for (const [index, [, count]] of order.entries()) {
    const rate = found[index]?.requestsPerSecond ?? 0
    assert.ok(Math.abs(rate - count * (Math.LN2 / 30)) < 1e-9)
  }
})

test('TopTable replaces the least of its names when it is full', () => {
  const table = new TopTable()
  // The names with one request are 0, 2, 4 and so on: others have more.
  for (let i = 0; i < 256; i++) {
    for (let n = 0; n <= (i % 2) * 3; n++) table.add(`name-${i}`, { bytes: 1, hasFailed: false, now: 0 })
  }
  for (let i = 0; i < 128; i++) table.add(`new-${i}`, { bytes: 1_000, hasFailed: false, now: 0 })
  const found = table.list(0)
  assert.ok(found.every(({ name }) => name.startsWith('new-')))
  const excess = new Set(found.map(({ excessPerSecond }) => Math.round(excessPerSecond / (Math.LN2 / 30))))
  assert.deepEqual([...excess], [1])
})
