import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OciError } from './errors.ts'
import { parseStrictJson } from './json.ts'

const MIB = 1024 * 1024

function parse(text: string): unknown {
  return parseStrictJson(Buffer.from(text))
}

function refusal(text: string): string {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof OciError) return error.message
    throw error
  }
  return assert.fail('it was taken')
}

test('`parseStrictJson()` reads what JSON.parse reads', () => {
  const odd = '{"a\\"]":["\\\\","[[{{",",,,",{"]":1e3}],"b":{"":null},"\\u0061b":"é\\ud83d"}'
  for (const text of [odd, '[]', '""', '0', ' {"a" : [ 1 , 2 ] } ', `["${'\\\\'.repeat(9)}\\"",1]`]) {
    assert.deepEqual(parse(text), JSON.parse(text))
  }
  const wide = `[${'"x",'.repeat(200_000)}1]`
  assert.deepEqual(parse(wide), JSON.parse(wide))
})

test('`parseStrictJson()` takes a size with a point or an exponent for no number, and leaves others alone', () => {
  assert.deepEqual(parse('{"size":10.0,"a":[{"size" : 1E1}],"b":{"sizes":1.0,"size":"2.0"}}'), {
    size: Number.NaN,
    a: [{ size: Number.NaN }],
    b: { sizes: 1, size: '2.0' },
  })
  assert.deepEqual(parse('{"a":"\\"size\\":1.0","size":10,"b":1.0}'), { a: '"size":1.0', size: 10, b: 1 })
})

test('`parseStrictJson()` refuses what is no JSON, whatever its brackets and quotes say', () => {
  for (const text of [
    '',
    '"',
    '"\\',
    '"\\"',
    ']',
    '}'.repeat(100),
    '[1,]',
    '{"a":1',
    '[]]',
    '{"a":1,"a":2}',
  ]) {
    assert.match(refusal(text), /^Manifest invalid: /, text)
  }
})

test('`parseStrictJson()` counts depth and values before it makes anything of them', () => {
  const deepest = `${'['.repeat(64)}${']'.repeat(64)}`
  assert.deepEqual(parse(deepest), JSON.parse(deepest))
  assert.match(refusal(`[${deepest}]`), /nested deeper/)
  const bombs: Record<string, string> = {
    'deep lists': '['.repeat(4 * MIB),
    'deep objects': '{"a":'.repeat((4 * MIB) / 5),
    'many lists': `[${'[],'.repeat(MIB)}1]`,
    'many objects': `{"a":[${'{},'.repeat(MIB)}1]}`,
    'many numbers': `[${'1,'.repeat(2 * MIB)}1]`,
  }
  for (const [name, text] of Object.entries(bombs)) {
    const before = process.memoryUsage().heapUsed
    assert.match(refusal(text), /nested deeper|more than 250000 values/, name)
    // Parsed they would take from 50 to 250 MiB; their text takes 4, in one piece.
    assert.ok(process.memoryUsage().heapUsed - before < 16 * MIB, name)
  }
})
