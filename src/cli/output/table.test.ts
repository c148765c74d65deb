import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTable } from './table.ts'

test('what a stranger wrote into a cell neither reaches the terminal as a command nor begins a line', () => {
  const client = 'ci\u001b[31m\nadmin\r\u009b2J\u202e\u2028x'
  const lines = formatTable(['ID', 'CLIENT'], [['1', client]]).split('\n')
  assert.deepEqual(lines, ['ID  CLIENT', '1   ci [31m admin 2J x'])
})
