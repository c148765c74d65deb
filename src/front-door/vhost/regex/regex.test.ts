import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FUZZ_SHARE } from '../../../../test/support/content/fuzz-share.ts'
import { SeededRandom } from '../../../../test/support/content/seeded-random.ts'
import { assertGrowsLinearly } from '../../../../test/support/machine/cpu-time.ts'
import { compileLinear, runLinear } from './linear-regex.ts'
import { compileRegex, matchRegex } from './regex.ts'
import { formatRegex, parseRegex } from './regex-syntax.ts'

function match(pattern: string, text: string, isCaseInsensitive = false) {
  const compiled = compileRegex(pattern, isCaseInsensitive)
  assert.ok(!('problem' in compiled), 'problem' in compiled ? compiled.problem : '')
  const found = matchRegex(compiled, text)
  return found === 'too-long' ? found : found && [...found.captures]
}

const MATCHES: readonly (readonly [pattern: string, text: string, caught: unknown])[] = [
  ['^/a(.*)$', '/abc', ['/abc', 'bc']],
  ['\\.(gif|png)$', '/x.png', ['.png', 'png']],
  ['\\.(gif|png)$', '/x.pngx', undefined],
  ['^/([a-z]{2,3})/(?<id>\\d+)', '/ab/12', ['/ab/12', 'ab', '12']],
  ['(?P<a>x)', 'x', ['x', 'x']],
  ['[]x]+', ']x', [']x']],
  ['[^]x]', 'x]a', ['a']],
  ['a{,2}', 'a{,2}', ['a{,2}']],
  ['a{2}', 'aaa', ['aa']],
  ['\\Aab\\z', 'ab', ['ab']],
  ['^/.+$', '/\u2028', ['/\u2028']],
  ['^/(.{2})(.)$', '/äb', ['/äb', 'ä', 'b']],
  ['^/(?<a>ä+)b', '/äb', ['/äb', 'ä']],
  ['^(\\w+)+/(ö)', 'aa/ö', ['aa/ö', 'aa', 'ö']],
  ['[\\w.-]+@x', 'a.b-c@x', ['a.b-c@x']],
  ['\\x41', 'A', ['A']],
  ['(?i)ABC', 'abc', ['abc']],
  ['a.*?b', 'axbxb', ['axb']],
  ['(a)|(b)', 'b', ['b', undefined, 'b']],
  ['^(a+)+$', 'aaaa', ['aaaa', 'aaaa']],
  ['^(?:a|a)*$', 'aaaa', ['aaaa']],
  ['^(?!/api)/', '/x', ['/']],
  ['(a)\\1', 'aa', ['aa', 'a']],
  ['\\bfoo\\b', 'a foo b', ['foo']],
]

for (const [pattern, text, caught] of MATCHES) {
  test(`\`matchRegex()\` catches ${JSON.stringify(caught)} of "${text}" with "${pattern}"`, () => {
    assert.deepEqual(match(pattern, text), caught)
  })
}

for (const pattern of [
  '(?>a)',
  'a++',
  '[[:alpha:]]',
  '\\Qa\\E',
  '\\h',
  '(?#x)',
  '(*FAIL)',
  '(?x)a',
  '(',
  ')',
  '[a',
  '*a',
  'a**',
  'a{3,2}',
  'a{2000}',
  '\\',
  '(?<a>x)(?<a>y)',
  '(?=(a|b))+',
  '((?=a)a|a)*',
  `(?=a)${'a?'.repeat(40)}`,
  `${'('.repeat(40)}${')'.repeat(40)}`,
  'a'.repeat(1_025),
  '((a{9}){9}){99}',
]) {
  test(`\`compileRegex()\` refuses "${pattern.slice(0, 30)}"`, () => {
    assert.ok('problem' in compileRegex(pattern, false))
  })
}

for (const pattern of [
  '^(a+)+$',
  '(a|aa)+$',
  '(a|a)*b',
  '(.*)*x',
  'a*a*a*a*a*b',
  '(a?){50}a{50}b',
  '.*.*.*=x',
  `${'a?'.repeat(40)}${'a'.repeat(40)}b`,
  `^${'(a|aa)'.repeat(40)}b`,
  `^${'a{0,9}'.repeat(20)}b`,
  '((a*)*)*b',
]) {
  test(`\`matchRegex()\` takes no more than its share of time for longer texts with "${pattern}"`, () => {
    assert.equal(match(pattern, `${'a'.repeat(16_000)}!`), undefined)
    assertGrowsLinearly((length) => {
      const text = `${'a'.repeat(length)}!`
      return () => void match(pattern, text)
    }, 16_000)
  })
}

test('`matchRegex()` tells of texts that are too long', () => {
  assert.equal(match('a', 'b'.repeat(20_000)), 'too-long')
  assert.equal(match('(?=x).*a.*b.*c', 'b'.repeat(5_000)), 'too-long')
  assert.equal(match('(?=x)y', 'b'.repeat(5_000)), undefined)
})

for (const [pattern, text, isMatch] of [
  ['^(?:\\s|x)+$', '\t\n\v\f\r ', true],
  ['^(?:\\s|x)+$', '\u00a0', false],
  ['^\\s+$', '\u00a0', false],
  ['^(?:[\\S]|x)+$', '\u00e0b', true],
  ['^(?:[a-\\d]|x)+$', 'a-1', true],
  ['^(?:[\\w-.]|x)+$', 'a-.', true],
  ['^(?:.|x)+$', '\n\u00e0', true],
  ['^(?:[\\b]|x)+$', '\b', true],
  ['^(?:(?<name>a)|x)+$', 'a', true],
  ['^(?:\\/|\\u|x)+$', '/', undefined],
] as const) {
  test(`sets mean the same to both engines: "${pattern}" on ${JSON.stringify(text)}`, () => {
    const parsed = parseRegex(pattern)
    if (isMatch === undefined) return assert.equal(typeof parsed, 'string')
    assert.ok(typeof parsed !== 'string')
    const bytes = Buffer.from(text).toString('latin1')
    assert.equal(new RegExp(formatRegex(parsed.node)).test(bytes), isMatch)
    assert.equal(runLinear(compileLinear(parsed.node, false), bytes) !== undefined, isMatch)
  })
}

test('`runLinear()` catches what the engine of JavaScript catches', () => {
  const random = new SeededRandom('linear')
  let count = 0
  for (let round = 0; round < 4_000 * FUZZ_SHARE; round++) {
    const inner = makePattern(random, 0)
    const pattern = random.pick([inner, `^${inner}`, `(?:${inner})$`]) ?? inner
    const parsed = parseRegex(pattern)
    assert.ok(typeof parsed !== 'string', `${pattern}: ${String(parsed)}`)
    const regex = new RegExp(formatRegex(parsed.node))
    const text = Array.from({ length: random.between(0, 8) }, () => random.pick(['a', 'b', 'c'])).join('')
    const caught = runLinear(compileLinear(parsed.node, false), text)
    const native = regex.exec(text)
    assert.equal(caught?.[0], native?.[0], `${pattern} on ${text}`)
    if (caught) count++
  }
  assert.ok(count > 500 * FUZZ_SHARE)
})

/** Repeats only parts with a length: engines differ in the captures of an empty repetition. */
function makePattern(random: SeededRandom, depth: number): string {
  const atom = (): string => {
    if (depth < 3 && random.chance(0.35)) return `(${makePattern(random, depth + 1)})`
    return random.pick(['a', 'b', 'c', '.', '[ab]', '[^a]']) ?? 'a'
  }
  const piece = (): string => {
    const text = atom()
    const isRepeated = !new RegExp(`^(?:${text})`).test('') && random.chance(0.4)
    return isRepeated ? text + random.pick(['*', '+', '?', '*?', '+?', '{2}', '{1,2}']) : text
  }
  const sequence = (): string => Array.from({ length: random.between(1, 3) }, piece).join('')
  return random.chance(0.3) ? `${sequence()}|${sequence()}` : sequence()
}
