import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatLogfmt } from './logfmt-format.ts'

const ROWS: readonly (readonly [value: unknown, text: string])[] = [
  ['plain', 'value=plain'],
  ['two words', 'value="two words"'],
  ['a"b', 'value="a\\"b"'],
  ['a=b', 'value="a=b"'],
  ['a\\b', 'value="a\\\\b"'],
  ['first\nsecond', 'value="first\\nsecond"'],
  ['\u001b[31mred\u202e', 'value=[31mred'],
  [7, 'value=7'],
  [false, 'value=false'],
  [['a', 'b'], 'value="[\\"a\\",\\"b\\"]"'],
  [{ code: 'X', inner: { n: 1 } }, 'value.code=X value.inner.n=1'],
  [{ 'a b="c': 1 }, 'value.a_b__c=1'],
  [null, ''],
  ['', ''],
]
for (const [value, text] of ROWS) {
  test(`formatLogfmt() writes ${JSON.stringify(value)} as ${text}`, () => {
    const line = formatLogfmt(JSON.stringify({ level: 'info', time: 'T', value, msg: 'said' }))
    assert.equal(line, `${['time=T level=info msg=said', text].filter(Boolean).join(' ')}\n`)
  })
}
