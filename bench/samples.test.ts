import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, ratioWithinRounds, type Sample, summarise } from './samples.ts'

const of = { work: 'pull', server: 'a', figure: 'MB/s' }
const to = { work: 'pull', server: 'b', figure: 'MB/s' }

function sample(server: string, round: number, rate: number): Sample {
  return { work: 'pull', server, round, figures: { 'MB/s': rate } }
}

test('`median()` is the middle, or the mean of the two middle ones', () => {
  assert.equal(median([9, 1, 5]), 5)
  assert.equal(median([9, 1, 5, 7]), 6)
  assert.equal(median([4]), 4)
})

test('`summarise()` keeps a round that went wrong in sight', () => {
  const samples = [sample('a', 0, 100), sample('a', 1, 1), sample('a', 2, 110), sample('b', 0, 3)]
  assert.deepEqual(summarise(samples, of), { median: 100, least: 1, most: 110, rounds: 3 })
})

test('`summarise()` answers nothing for what was not measured', () => {
  assert.equal(summarise([sample('b', 0, 3)], of), undefined)
  assert.equal(summarise([sample('a', 0, 3)], { ...of, figure: 'CPU s/GiB' }), undefined)
})

test('`ratioWithinRounds()` compares within a round, so that a slow while counts for both', () => {
  const fast = [sample('a', 0, 200), sample('b', 0, 100)]
  const slow = [sample('a', 1, 20), sample('b', 1, 10), sample('a', 2, 30)]
  assert.equal(ratioWithinRounds([...fast, ...slow], of, to), 2)
})

test('`ratioWithinRounds()` answers nothing without a round that has both', () => {
  assert.equal(ratioWithinRounds([sample('a', 0, 1), sample('b', 1, 1)], of, to), undefined)
})
