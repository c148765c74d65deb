import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration } from './duration.ts'
import { compareVersions, parseVersion } from './version.ts'

test('versions are in the order of semver.org', () => {
  const ordered = [
    ...['1.0.0-1', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2'],
    ...['1.0.0-beta.11', '1.0.0-rc.1', '1.0.0', '1.0.1', 'v1.2.0', '1.10.0', '2.0.0'],
  ]
  const shuffled = ordered.toSorted()
  const versions = shuffled.flatMap((name) => parseVersion(name) ?? [])
  assert.equal(versions.length, ordered.length)
  const sorted = shuffled.toSorted((one, other) => {
    const [a, b] = [parseVersion(one), parseVersion(other)]
    return a && b ? compareVersions(a, b) : 0
  })
  assert.deepEqual(sorted, ordered)
})

test('build data does not count, and a variant is no pre-release', () => {
  const [one, other] = [parseVersion('1.2.3_a'), parseVersion('v1.2.3_b')]
  assert.ok(one && other)
  assert.equal(compareVersions(one, other), 0)
  assert.equal(parseVersion('1.2.3-alpine3.19')?.variant, 'alpine3.19')
  assert.deepEqual(parseVersion('1.2.3-rc.1')?.preRelease, ['rc', '1'])
})

test('other tags are no versions', () => {
  for (const name of [
    '1',
    '1.2',
    'latest',
    '01.2.3',
    '1.2.3.4',
    '1.2.3-',
    'v',
    `${'9'.repeat(16)}.0.0`,
    '1.2.x',
  ]) {
    assert.equal(parseVersion(name), undefined, name)
  }
})

test('durations have one number and one unit', () => {
  assert.equal(parseDuration('12h'), 12 * 3_600_000)
  assert.equal(parseDuration('2w'), 14 * 86_400_000)
  for (const text of ['', '0d', '3', 'd', '1d2h', '-1d', '1.5d', '999999999w', '1y']) {
    assert.equal(parseDuration(text), undefined, text)
  }
})
