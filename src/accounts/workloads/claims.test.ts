import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findUnmet, matchesClaim } from './claims.ts'

const VALUES: readonly [pattern: string, value: string, matches: boolean][] = [
  ['repo:org/app:ref:refs/heads/main', 'repo:org/app:ref:refs/heads/main', true],
  ['repo:org/app:ref:refs/heads/main', 'repo:org/app:ref:refs/heads/main2', false],
  ['repo:org/*:ref:refs/heads/main', 'repo:org/app:ref:refs/heads/main', true],
  ['repo:org/*', 'repo:org/app', true],
  ['repo:org/*', 'repo:org/app:ref:refs/heads/main', false],
  ['repo:org/*', 'repo:org-evil/app', false],
  ['repo:org/*', 'repo:org/app/x', false],
  ['repo:org/**', 'repo:org/app:ref:refs/heads/a/b', true],
  ['repo:org/**', 'repo:organic/app', false],
  ['v*', 'v', true],
  ['*', '', true],
  ['*', 'a/b', false],
  ['**', 'a/b:c', true],
  ['a*b', 'a/b', false],
  ['a*b*c', 'abxbc', true],
  ['a*b*c', 'a-c', false],
  ['system:serviceaccount:ci:*', 'system:serviceaccount:ci:builder', true],
  ['system:serviceaccount:ci:*', 'system:serviceaccount:ci2:builder', false],
  ['refs/tags/v*.*', 'refs/tags/v1.2', true],
  ['refs/tags/v*.*', 'refs/tags/v1/2.3', false],
  ['.', 'x', false],
]

test('`matchesClaim()` keeps a star within one part of a subject', () => {
  for (const [pattern, value, matches] of VALUES)
    assert.equal(matchesClaim(pattern, value), matches, `${pattern} ${value}`)
})

test('`matchesClaim()` takes no longer for a pattern made to be slow', () => {
  const before = process.cpuUsage().user
  assert.equal(matchesClaim(`${'*a'.repeat(60)}b`, 'a'.repeat(1_000)), false)
  assert.ok(process.cpuUsage().user - before < 1_000_000)
})

test('`findUnmet()` demands all claims, takes one of a list, and follows a path', () => {
  const claims = {
    sub: 'a',
    groups: ['dev', 'ops'],
    run: 7,
    protected: true,
    'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'builder' } },
    nothing: null,
  }
  const required = {
    sub: 'a',
    groups: 'ops',
    run: '7',
    protected: 'true',
    'kubernetes.io/serviceaccount/name': 'b*',
  }
  assert.equal(findUnmet(claims, required), undefined)
  assert.match(findUnmet(claims, { ...required, sub: 'b' }) ?? '', /has the claim "sub" with the value "a"/)
  assert.match(findUnmet(claims, { groups: 'admin' }) ?? '', /with the value "dev, ops"/)
  for (const name of [
    'missing',
    'nothing',
    'kubernetes.io',
    'toString',
    '__proto__',
    'groups/length',
    'sub/x',
  ])
    assert.equal(findUnmet(claims, { [name]: '**' }), `has no claim "${name}"`, name)
})
