import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../test/support/content/seeded-random.ts'
import { MAX_RANGES, parseRangeHeader } from './byte-range.ts'
import { OciError } from './errors.ts'

test('`parseRangeHeader()` gives exactly the requested bytes, none of them twice', () => {
  const random = new SeededRandom('ranges')
  const upTo = (end: number): number => Math.floor(random.next() * end)
  const size = 40
  for (let round = 0; round < 2_000; round++) {
    const wanted = new Set<number>()
    const texts = Array.from({ length: 1 + upTo(6) }, () => {
      const first = upTo(size)
      const last = first + upTo(8)
      for (let at = first; at <= Math.min(last, size - 1); at++) wanted.add(at)
      return `${first}-${last}`
    })
    const ranges = parseRangeHeader(`bytes=${texts.join(', ')}`, size) ?? assert.fail('no range')
    const got = ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, at) => start + at))
    assert.deepEqual(
      got.toSorted((a, b) => a - b),
      [...wanted].sort((a, b) => a - b),
      `${texts}`,
    )
  }
})

test('`parseRangeHeader()` keeps the order and the number of ranges that only touch', () => {
  assert.deepEqual(parseRangeHeader('bytes=8-9,0-3,4-7', 10), [
    { start: 8, end: 10 },
    { start: 0, end: 4 },
    { start: 4, end: 8 },
  ])
})

test('`parseRangeHeader()` joins what overlaps in the place of its first', () => {
  assert.deepEqual(parseRangeHeader('bytes=20-29,5-9,25-40,0-6,50-', 60), [
    { start: 20, end: 41 },
    { start: 0, end: 10 },
    { start: 50, end: 60 },
  ])
})

test('`parseRangeHeader()` takes as many ranges as clients send, and refuses more', () => {
  const header = (count: number): string =>
    `bytes=${Array.from({ length: count }, (_, index) => `${2 * index}-${2 * index}`).join(',')}`
  assert.equal(parseRangeHeader(header(MAX_RANGES), 10_000)?.length, MAX_RANGES)
  assert.throws(
    () => parseRangeHeader(header(MAX_RANGES + 1), 10_000),
    (error) =>
      error instanceof OciError && error.code === 'RANGE_INVALID' && /1024 at most/.test(error.message),
  )
})
