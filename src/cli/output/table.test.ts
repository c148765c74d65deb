import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatError } from '../errors/describe-error.ts'
import { formatPairs, formatTable } from './table.ts'

test('what a stranger wrote into a cell neither reaches the terminal as a command nor begins a line', () => {
  const client = 'ci\u001b[31m\nadmin\r\u009b2J\u202e\u2028x'
  const lines = formatTable(['ID', 'CLIENT'], [['1', client]]).split('\n')
  assert.deepEqual(lines, ['ID  CLIENT', '1   ci [31m admin 2J x'])
})

test('values of pairs and texts of errors are plain, too', () => {
  assert.equal(formatPairs([['client', 'ci\u001b[31m\u202ex']]), 'client  ci [31m x')
  const report = {
    code: 'NAME_INVALID',
    message: 'The name "a\u001b]0;x\u0007b" is wrong',
    remedy: 'Stop',
    exit: 1,
  }
  assert.equal(formatError(report), 'error[NAME_INVALID]: The name "a ]0;x b" is wrong. Stop.')
})
