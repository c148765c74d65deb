import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FUZZ_SHARE } from '../../test/support/content/fuzz-share.ts'
import { SeededRandom } from '../../test/support/content/seeded-random.ts'
import { matchesRepository } from '../policies/patterns/repository-pattern.ts'
import {
  matchesPattern,
  parsePattern,
  patternsOf,
  type RepositoryPattern,
  spanOf,
} from './repository-pattern.ts'
import { scopeOf } from './repository-scope.ts'

const CASES = 5_000 * FUZZ_SHARE
const SEGMENTS = ['a', 'b', 'a-b', 'team', 'team-evil']
/** The grammar once more, as one expression, with the distribution-spec's for names. */
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const GRAMMAR = new RegExp(`^(?:\\*{1,2}|${COMPONENT}(?:/${COMPONENT})*(?:/\\*{1,2})?)$`)
const NOISE = ['a', 'b', '/', '*', '.', '-', '_', ' ', 'A', '%', '?', '**', '/*']

function makeName(random: SeededRandom, least: number): string[] {
  return Array.from({ length: random.between(least, least + 3) }, () => random.pick(SEGMENTS) ?? 'a')
}

function makePattern(random: SeededRandom): RepositoryPattern {
  const stars = random.pick(['', '*', '**']) ?? ''
  const segments = stars === '' ? makeName(random, 1) : [...makeName(random, 0), stars]
  return parsePattern(segments.join('/')) ?? assert.fail(segments.join('/'))
}

/** Runs a check with pairs of a pattern and a name, many of which match. */
function forPairs(
  check: (pattern: RepositoryPattern, repository: string, random: SeededRandom) => void,
): void {
  const random = new SeededRandom('pairs')
  let matched = 0
  for (let index = 0; index < CASES; index++) {
    const pattern = makePattern(random)
    const repository = makeName(random, 1).join('/')
    if (matchesPattern(pattern, repository)) matched++
    check(pattern, repository, random)
  }
  assert.ok(matched > CASES / 20 && matched < CASES / 2, `${matched} of ${CASES} match`)
}

test('`parsePattern()` accepts the grammar and nothing else', () => {
  const random = new SeededRandom('noise')
  let accepted = 0
  for (let index = 0; index < CASES; index++) {
    const text = Array.from({ length: random.between(0, 5) }, () => random.pick(NOISE)).join('')
    assert.equal(parsePattern(text) !== undefined, GRAMMAR.test(text), text)
    if (GRAMMAR.test(text)) accepted++
  }
  assert.ok(accepted > CASES / 40, `${accepted}`)
  for (const text of [
    '',
    '/',
    '/*',
    '/**',
    'a/',
    '*/a',
    '**/a',
    'a*',
    'a/*b',
    'a/***',
    'a//*',
    'a/*/**',
    'a,b',
  ]) {
    assert.equal(parsePattern(text), undefined, text)
  }
})

test('`matchesPattern()` agrees with the patterns of policies, which compare segment by segment', () => {
  forPairs((pattern, repository) => {
    assert.equal(
      matchesPattern(pattern, repository),
      matchesRepository(pattern, repository),
      `${pattern} ${repository}`,
    )
  })
})

test('`patternsOf()` has exactly the patterns that match, the narrowest first', () => {
  forPairs((pattern, repository) => {
    assert.equal(patternsOf(repository).includes(pattern), matchesPattern(pattern, repository))
  })
  assert.deepEqual(patternsOf('a/b/c'), ['a/b/c', 'a/b/*', 'a/b/**', 'a/**', '**'])
  assert.deepEqual(patternsOf('a'), ['a', '*', '**'])
})

test('`scopeOf()` has each repository of its patterns in exactly one span', () => {
  forPairs((pattern, repository, random) => {
    const patterns = [pattern, ...Array.from({ length: random.between(0, 5) }, () => makePattern(random))]
    const scope = scopeOf(patterns, () => true)
    assert.ok(scope !== 'all')
    const spans = [
      ...scope.names.filter((text) => text === repository),
      ...scope.prefixes.filter((prefix) => repository.startsWith(prefix)),
    ]
    assert.ok(spans.length <= 1, `${patterns} ${repository}`)
    if (patterns.some((where) => matchesPattern(where, repository))) assert.equal(spans.length, 1)
  })
  assert.deepEqual(spanOf('a' as RepositoryPattern), { name: 'a' })
})
