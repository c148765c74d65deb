import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_ABSENT_ROWS, RowMemory, rowKey } from './row-memory.ts'

test('`RowMemory` keeps a bounded number of absent rows, the newest ones, beside its rows', () => {
  const memory = new RowMemory()
  const row = { size: 1 }
  memory.add(rowKey(0, ['present']), row)
  for (let index = 0; index <= MAX_ABSENT_ROWS; index++) memory.addAbsent(rowKey(0, [`absent ${index}`]))
  assert.equal(memory.get(rowKey(0, ['present'])), row)
  assert.equal(memory.get(rowKey(0, ['absent 0'])), undefined, 'the oldest one was kept')
  assert.equal(memory.get(rowKey(0, ['absent 1'])), null)
  assert.equal(memory.get(rowKey(0, [`absent ${MAX_ABSENT_ROWS}`])), null)
  memory.clear()
  assert.equal(memory.get(rowKey(0, ['absent 1'])), undefined)
  assert.equal(memory.get(rowKey(0, ['present'])), undefined)
})

test('`RowMemory` keeps absent rows when its rows are too many', () => {
  const memory = new RowMemory()
  memory.addAbsent('absent')
  const text = 'x'.repeat(60_000)
  for (let index = 0; index < 100; index++) memory.add(`row ${index}`, { text })
  assert.equal(memory.get('row 0'), undefined)
  assert.equal(memory.get('absent'), null)
})

test('`rowKey()` differs where parameters run into each other', () => {
  const keys = [rowKey(1, ['a', 'bc']), rowKey(1, ['ab', 'c']), rowKey(1, ['abc']), rowKey(2, ['a', 'bc'])]
  assert.equal(new Set(keys).size, keys.length)
})
