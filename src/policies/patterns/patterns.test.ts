import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchesRepository, repositoryPatterns } from './repository-pattern.ts'
import { matchesStars } from './star-pattern.ts'
import { findTagPattern, tagPatterns } from './tag-patterns.ts'

const STARS: readonly [pattern: string, text: string, matches: boolean][] = [
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', 'anything', true],
  ['v*', 'v', true],
  ['v*', 'v1', true],
  ['v*', 'av1', false],
  ['*-rc', 'v1-rc', true],
  ['*-rc', 'v1-rc1', false],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'a-b-bc', true],
  ['a*b*c', 'acb', false],
  ['a*bc*c', 'abc', false],
  ['**', 'x', true],
  ['*.*.*', '1.2.3', true],
  ['*.*.*', '1.2', false],
]

test('`matchesStars()` lets each star stand for any characters', () => {
  for (const [pattern, text, matches] of STARS)
    assert.equal(matchesStars(pattern, text), matches, `${pattern} ${text}`)
})

test('`matchesStars()` agrees with a search of all ways, for all short texts', () => {
  const texts = listTexts('ab', 6)
  for (const pattern of listTexts('ab*', 5)) {
    for (const text of texts)
      assert.equal(matchesStars(pattern, text), searchAllWays(pattern, text), `${pattern} ${text}`)
  }
})

test('`matchesStars()` takes no longer for a pattern made to be slow', () => {
  const text = 'a'.repeat(255)
  const before = process.cpuUsage().user
  for (let turn = 0; turn < 1_000; turn++) assert.equal(matchesStars(`${'a*'.repeat(64)}b`, text), false)
  const usedMs = (process.cpuUsage().user - before) / 1_000
  assert.ok(usedMs < 2_000, `1,000 matches took ${usedMs} ms of the processor`)
})

const REPOSITORIES: readonly [pattern: string, repository: string, matches: boolean][] = [
  ['team/app', 'team/app', true],
  ['team/app', 'team/app2', false],
  ['team/app', 'team/app/x', false],
  ['team/*', 'team/app', true],
  ['team/*', 'team', false],
  ['team/*', 'team/app/x', false],
  ['team/*', 'teams/app', false],
  ['team/**', 'team/app', true],
  ['team/**', 'team/app/x/y', true],
  ['team/**', 'team', false],
  ['team/**', 'teams/app', false],
  ['**', 'app', true],
  ['**', 'team/app', true],
  ['*', 'app', true],
  ['*', 'team/app', false],
  ['*/app', 'team/app', true],
  ['team/app-*', 'team/app-1', true],
  ['team/app-*', 'team/app-1/x', false],
  ['team-*/**', 'team-a/app', true],
]

test('`matchesRepository()` compares segment by segment', () => {
  for (const [pattern, repository, matches] of REPOSITORIES)
    assert.equal(matchesRepository(pattern, repository), matches, `${pattern} ${repository}`)
})

test('a pattern of repositories that could never match, or has stars within a segment, is refused', () => {
  for (const pattern of [
    '',
    '/',
    'team/',
    '/app',
    'Team/*',
    'team/**/app',
    'team**',
    'a/b**',
    'team/?',
    '!team/*',
  ])
    assert.equal(repositoryPatterns.safeParse([pattern]).success, false, pattern)
  for (const [pattern] of REPOSITORIES) assert.ok(repositoryPatterns.safeParse([pattern]).success, pattern)
})

test('`findTagPattern()` returns the first pattern that names a tag, and none for a tag that is taken out', () => {
  const patterns = ['!*-rc*', 'v*', 'release']
  assert.equal(findTagPattern(patterns, 'v1'), 'v*')
  assert.equal(findTagPattern(patterns, 'release'), 'release')
  assert.equal(findTagPattern(patterns, 'v1-rc2'), undefined)
  assert.equal(findTagPattern(patterns, 'latest'), undefined)
  assert.equal(findTagPattern([], 'v1'), undefined)
})

test('a list of tags that only takes out, and a pattern that is no tag, are refused', () => {
  for (const patterns of [['!v1'], ['a/b'], ['-a'], ['.a'], ['!'], [''], ['v?'], ['a b'], ['!!a', '*']])
    assert.equal(tagPatterns.safeParse(patterns).success, false, patterns.join())
  assert.ok(tagPatterns.safeParse([]).success)
})

function listTexts(letters: string, maxLength: number): string[] {
  const texts = ['']
  for (const text of texts) {
    if (text.length < maxLength) texts.push(...[...letters].map((letter) => text + letter))
  }
  return texts
}

function searchAllWays(pattern: string, text: string): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return text === ''
  if (first !== '*') return text[0] === first && searchAllWays(rest.join(''), text.slice(1))
  return Array.from({ length: text.length + 1 }, (_, at) => text.slice(at)).some((left) =>
    searchAllWays(rest.join(''), left),
  )
}
