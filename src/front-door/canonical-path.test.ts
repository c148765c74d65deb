import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../test/support/seeded-random.ts'
import { parseTarget } from './canonical-path.ts'

const TARGETS: Readonly<Record<string, string | undefined>> = {
  '/': '/',
  '/a': '/a',
  '/a/': '/a/',
  '/a/b.c/d-e_f~g': '/a/b.c/d-e_f~g',
  '//': '/',
  '//a///b//': '/a/b/',
  '/./a': '/a',
  '/a/.': '/a/',
  '/a/./b': '/a/b',
  '/a/..': '/',
  '/a/../b': '/b',
  '/a/b/..': '/a/',
  '/a//../b': '/b',
  '/..a/...': '/..a/...',
  '/.well-known/x': '/.well-known/x',
  '/%61': '/a',
  '/%2e%2E/': undefined,
  '/a/%2e%2e/b': '/b',
  '/a%20b': '/a b',
  '/%C3%BC': '/\u00fc',
  // As some clients send it: byte by byte.
  '/\xc3\xbc': '/\u00fc',
  '/a%252fb': '/a%2fb',
  '/a;b=c/d': '/a;b=c/d',
  '/a:b@c': '/a:b@c',
  '/%3f%23': '/?#',
  '/..': undefined,
  '/a/../..': undefined,
  '/a/../../b': undefined,
  '/a/%2e%2e/%2e%2e/b': undefined,
  '/a%2fb': undefined,
  '/a%2Fb': undefined,
  '/a%5cb': undefined,
  '/a\\b': undefined,
  '/a%00': undefined,
  '/a%0d%0aX': undefined,
  '/a%7f': undefined,
  '/a b': undefined,
  '/a\tb': undefined,
  '/%': undefined,
  '/%4': undefined,
  '/%zz': undefined,
  '/%ff': undefined,
  '/%c0%af': undefined,
  '/\xff': undefined,
  '/\u4f8b': undefined,
  '/a#b': undefined,
  '': undefined,
  a: undefined,
  '*': undefined,
  'http://example.com/': undefined,
  [`/${'a'.repeat(16_384)}`]: undefined,
}
for (const [target, expected] of Object.entries(TARGETS)) {
  const shown = JSON.stringify(target.slice(0, 40))
  test(`\`parseTarget()\` ${expected === undefined ? 'refuses' : `makes ${JSON.stringify(expected)} of`} ${shown}`, () => {
    assert.equal(parseTarget(target)?.path, expected)
    assert.equal(parseTarget(`${target}?x=%2f..//`)?.path, expected)
  })
}

test('`parseTarget()` keeps the query, and the path as it came', () => {
  assert.deepEqual(parseTarget('/a//%62?c=/../d?e'), { path: '/a/b', query: 'c=/../d?e', rawPath: '/a//%62' })
  assert.deepEqual(parseTarget('/a?'), { path: '/a', query: '', rawPath: '/a' })
  assert.deepEqual(parseTarget('/\xc3\xbc?\xc3\xbc'), {
    path: '/\u00fc',
    query: '%C3%BC',
    rawPath: '/%C3%BC',
  })
  assert.equal(parseTarget('/a?b#c'), undefined)
  assert.equal(parseTarget('/a?b\nc'), undefined)
})

test('`parseTarget()` makes a path that no later reading changes', () => {
  const random = new SeededRandom('canonical-path')
  const parts = [
    '/',
    '//',
    '.',
    '..',
    'a',
    'B',
    '%2e',
    '%2E',
    '%61',
    '%25',
    '%2f',
    '%5c',
    '%c3%bc',
    '%',
    '\\',
    ';',
    ' ',
    '?',
  ]
  let taken = 0
  for (let round = 0; round < 60_000; round++) {
    let target = '/'
    for (let length = random.between(0, 10); length > 0; length--) target += random.pick(parts) ?? ''
    const first = parseTarget(target)
    if (!first) continue
    taken++
    assert.ok(first.path.startsWith('/'), target)
    assert.ok(!/\/\/|\/\.{1,2}(?:\/|$)|[\\\0]/.test(first.path), `${target} became ${first.path}`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be left
    assert.ok(!/[\u0000-\u0020\u007f-\uffff]/.test(first.rawPath), target)
    const again = parseTarget(first.path.split('/').map(encodeURIComponent).join('/'))
    assert.equal(again?.path, first.path, target)
  }
  assert.ok(taken > 5_000, String(taken))
})
