import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkWords, findComments } from './word-rules.ts'

const check = (source: string): string[] => checkWords(new Map([['src/a.ts', source]]))

test('`findComments()` finds blocks, lines and comments after code, each on one line', () => {
  const source = `/** One. */
/**
 * Two
 * lines.
 */
// A line,
// and its next.
const a = 1 // After code.
const url = 'https://example.com' + '// no comment'
const b = {
  /** Of a member. */
  c: 2,
}
`
  assert.deepEqual(
    findComments(source).map(({ line, text }) => `${line} ${text}`),
    ['1 One.', '2 Two lines.', '6 A line, and its next.', '8 After code.', '11 Of a member.'],
  )
})

test('`checkWords()` refuses beginnings that make a riddle', () => {
  for (const word of ['What', 'Who', 'Whose', 'Where', 'How', 'Whether'])
    assert.match(check(`\n/** ${word} a thing is. */`).join(), /^src\/a\.ts:2: the comment begins with "W?/)
  assert.deepEqual(check('/** Whatever comes last counts. */\n// However long it is.'), [])
})

test('`checkWords()` refuses words that treat things as persons, but not their quotation', () => {
  for (const word of ['told', 'tells', 'asked', "nobody's"])
    assert.match(check(`const a = 1 // It is ${word} something.`).join(), /^src\/a\.ts:1: the comment says/)
  assert.deepEqual(check('/** `asked`: the word "told" is in {@link tells}. */'), [])
})
