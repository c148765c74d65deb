import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FUZZ_SHARE } from '../../../test/support/content/fuzz-share.ts'
import { SeededRandom } from '../../../test/support/content/seeded-random.ts'
import { escapePath } from '../vhost/syntax/escape-uri.ts'
import { type CanonicalTarget, parseTarget } from './canonical-path.ts'

/** Undefined for a refused target. */
function parse(target: string, options?: { mergeSlashes: boolean }): CanonicalTarget | undefined {
  const parsed = parseTarget(target, options)
  return 'refused' in parsed ? undefined : parsed
}

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
  // As in nginx: an escaped slash is a slash, an escaped backslash an ordinary character.
  '/a%2fb': '/a/b',
  '/a%2Fb': '/a/b',
  '/a%5cb': '/a\\b',
  '/api/queues/%2F/jobs': '/api/queues/jobs',
  '/fetch/https%3A%2F%2Fexample.com': '/fetch/https:/example.com',
  '/@scope%2fname': '/@scope/name',
  '/%2Fa': undefined,
  '/%5Ca/b': undefined,
  '/./%2Fa': undefined,
  '/a%2f..%2fb': undefined,
  '/a/..%5cb': undefined,
  '/a/%2e%2e%2fb': undefined,
  '/a/.%2Fb': undefined,
  '/a%2Fb/../c': undefined,
  '/a%2F..;x': undefined,
  '/a/..;/b': undefined,
  '/a/..;x=y/b': undefined,
  '/a/.;/b': undefined,
  '/a/%2e.;': undefined,
  '/a/..%3b/b': undefined,
  '/a/;/../b': '/a/b',
  '/a/...;/b': '/a/...;/b',
  '/a\\b': undefined,
  '/a%00': undefined,
  '/a%0d%0aX': undefined,
  '/a%7f': undefined,
  '/a b': undefined,
  '/a\tb': undefined,
  '/%': undefined,
  '/%4': undefined,
  '/%zz': undefined,
  '/%ff': '/\udcff',
  '/caf%e9/%C3%BC': '/caf\udce9/\u00fc',
  '/%C3/%BC%f0%9f%98': '/\udcc3/\udcbc\udcf0\udc9f\udc98',
  '/\xff': '/\udcff',
  '/%ed%a0%80': '/\udced\udca0\udc80',
  '/%c0%af': undefined,
  '/a/%C0%AE%c0%ae/': undefined,
  '/%e0%80%af': undefined,
  '/%f0%80%80%af': undefined,
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
    assert.equal(parse(target)?.path, expected)
    assert.equal(parse(`${target}?x=%2f..//`)?.path, expected)
  })
}

test('`parseTarget()` keeps the query, and the escapes of the path as they came', () => {
  const readings = undefined
  assert.deepEqual(parse('/a//%62?c=/../d?e'), {
    path: '/a/b',
    query: 'c=/../d?e',
    rawPath: '/a/%62',
    readings,
  })
  assert.deepEqual(parse('/a?'), { path: '/a', query: '', rawPath: '/a', readings })
  assert.deepEqual(parse('/\xc3\xbc?\xc3\xbc'), {
    path: '/\u00fc',
    query: '%C3%BC',
    rawPath: '/%C3%BC',
    readings,
  })
  assert.equal(parse('/x/%2e%2E/./a//b%20c/')?.rawPath, '/a/b%20c/')
  assert.equal(parse('/a?b#c'), undefined)
  assert.equal(parse('/a?b\nc'), undefined)
})

test('`parseTarget()` keeps slashes in a row where they are not merged, but for those at the begin', () => {
  const kept = (target: string): unknown => {
    const { path, rawPath } = parse(target, { mergeSlashes: false }) ?? {}
    return [path, rawPath]
  }
  assert.deepEqual(kept('//a//b///'), ['/a//b///', '/a//b///'])
  assert.deepEqual(kept('/a//../b'), ['/a/b', '/a/b'])
  assert.deepEqual(kept('/a//.'), ['/a//', '/a//'])
  assert.deepEqual(kept('/p/http://x/'), ['/p/http://x/', '/p/http://x/'])
  assert.deepEqual(kept('///'), ['/', '/'])
  assert.deepEqual(parse('/a//b', { mergeSlashes: false })?.readings, ['/a/b'])
})

test('`parseTarget()` names what other servers may read', () => {
  assert.equal(parse('/a/b')?.readings, undefined)
  assert.deepEqual(parse('/a%2fb')?.readings, ['/a%2Fb'])
  assert.deepEqual(parse('/a%5cb')?.readings, ['/a/b'])
  assert.deepEqual(parse('/a;x/b')?.readings, ['/a/b'])
  assert.deepEqual(parse('/;/a')?.readings, ['/a', '//a'])
  assert.deepEqual(parse('/q/%2F/a')?.readings, ['/q///a', '/q/%2F/a'])
  assert.ok((parse('/a%2fb%5cc;d//e')?.readings?.length ?? 0) < 32)
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
    '%e9',
    '%',
    '\\',
    ';',
    ' ',
    '?',
  ]
  let taken = 0
  for (let round = 0; round < 60_000 * FUZZ_SHARE; round++) {
    let target = '/'
    for (let length = random.between(0, 10); length > 0; length--) target += random.pick(parts) ?? ''
    const first = parse(target)
    if (!first) continue
    taken++
    assert.ok(first.path.startsWith('/'), target)
    assert.ok(!/\/\/|\/\.{1,2}(?:[/\\;]|$)|\0/.test(first.path), `${target} became ${first.path}`)
    assert.equal(parse(first.rawPath)?.rawPath, first.rawPath, target)
    assert.equal(parse(first.rawPath)?.path, first.path, target)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be left
    assert.ok(!/[\u0000-\u0020\u007f-\uffff]/.test(first.rawPath), target)
    const again = parse(escapePath(first.path))
    assert.equal(again?.path, first.path, target)
  }
  assert.ok(taken > 5_000 * FUZZ_SHARE, String(taken))
})
