import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measureCpuMs } from '../../../test/support/machine/cpu-time.ts'
import { HostTable } from './host-table.ts'

const PATTERNS = [
  'app.example.com',
  '*.example.com',
  '*.deep.example.com',
  'app.*',
  'app.example.*',
  '~^x\\d+\\.example\\.org$',
  '~^x1\\.',
  '~^app\\.',
  '.both.test',
  'B\u00fccher.example',
  '192.0.2.1',
  '2001:DB8::0:1',
]
const TABLE = new HostTable(PATTERNS.map((pattern) => [pattern, pattern] as const))

const HOSTS: Readonly<Record<string, string | undefined>> = {
  'app.example.com': 'app.example.com',
  'other.example.com': '*.example.com',
  'a.b.example.com': '*.example.com',
  'a.deep.example.com': '*.deep.example.com',
  'deep.example.com': '*.example.com',
  'example.com': undefined,
  'app.example.net': 'app.example.*',
  'app.net': 'app.*',
  'app.other.net': 'app.*',
  app: undefined,
  'x1.example.org': '~^x1\\.',
  'x22.example.org': '~^x\\d+\\.example\\.org$',
  'x22.example.orgs': undefined,
  'both.test': '.both.test',
  'a.b.both.test': '.both.test',
  'notboth.test': undefined,
  'xn--bcher-kva.example': 'B\u00fccher.example',
  '192.0.2.1': '192.0.2.1',
  '2001:db8::1': '2001:DB8::0:1',
  unknown: undefined,
}
for (const [host, expected] of Object.entries(HOSTS)) {
  test(`\`HostTable\` finds ${expected ?? 'nothing'} for ${host}`, () => {
    assert.equal(TABLE.find(host), expected)
  })
}

test('`HostTable` matches as the expression does, whatever it begins with', () => {
  for (const [expression, hosts] of [
    ['~^App\\.x', { 'app.x': true, appx: false }],
    ['~^ab?c$', { ac: true, abc: true, ab: false }],
    ['~^ab{0,1}c$', { ac: true, abc: true }],
    ['~^a\\.?b$', { ab: true, 'a.b': true }],
    ['~^a\\.*b$', { ab: true, 'a..b': true }],
    ['~^abc|^xyz', { abcd: true, xyz: true, b: false }],
    ['~^(abc|xyz)$', { abc: true, xyz: true }],
    ['~^a\\db$', { a1b: true, adb: false }],
    ['~b$', { ab: true, b: true, ba: false }],
    ['~^a-b_c$', { 'a-b_c': true }],
    ['~^(?i)ABC$', { abc: true }],
    ['~(?i)^ABC$', { abc: true }],
  ] as const) {
    const table = new HostTable([[expression, true]])
    if (table.problems.length > 0) continue
    for (const [host, isFound] of Object.entries(hosts))
      assert.equal(table.find(host) ?? false, isFound, `${expression} ${host}`)
  }
})

test('`HostTable` does not depend on the order in which hosts are given, but for two of one name', () => {
  const reversed = new HostTable([...PATTERNS].reverse().map((pattern) => [pattern, pattern] as const))
  for (const [host, expected] of Object.entries(HOSTS)) assert.equal(reversed.find(host), expected, host)
  const twice = new HostTable([
    ['a.test', 'first'],
    ['a.test', 'second'],
    ['.b.test', 'dot'],
    ['b.test', 'exact'],
  ])
  assert.equal(twice.find('a.test'), 'first')
  assert.equal(twice.find('b.test'), 'exact')
})

test('`HostTable` answers with its fallback where nothing fits', () => {
  const table = new HostTable([['a.test', 'a']], 'fallback')
  assert.equal(table.find('b.test'), 'fallback')
  assert.equal(table.findOwn('b.test'), undefined)
  assert.equal(table.findOwn('a.test'), 'a')
})

test('`HostTable` reports what it cannot use, a host at a time, and serves the others', () => {
  const bad = ['~(', '*.', 'a b', '', '*', 'a*.test', '*.a.*']
  const table = new HostTable([...bad, 'good.test'].map((pattern) => [pattern, pattern] as const))
  assert.deepEqual(table.problems.map(({ pattern }) => pattern).toSorted(), bad.toSorted())
  assert.ok(table.problems.every(({ message }) => message.length > 0))
  assert.equal(table.find('good.test'), 'good.test')
})

test('`HostTable` finds one of 100,000 hosts in little more time than one of a hundred', () => {
  const makeFinder = (size: number): (() => void) => {
    const entries = Array.from({ length: size }, (_, index) => [`host${index}.example.com`, index] as const)
    const table = new HostTable<number>([...entries, ['*.example.com', -1], ['www.*', -2]])
    // Names as they come out of requests: none is the table's own string.
    const names = Array.from({ length: 100 }, (_, index) => `host${index}.EXAMPLE.com`.toLowerCase())
    const missing = names.map((name) => `a.b.c.${name}`)
    return () => {
      for (let round = 0; round < 500; round++) {
        for (const [index, name] of names.entries()) if (table.find(name) !== index) assert.fail(name)
        for (const name of missing) if (table.find(name) !== -1) assert.fail(name)
      }
    }
  }
  const finders = [makeFinder(100), makeFinder(100_000)]
  const leastMs = finders.map((find) => Math.min(...Array.from({ length: 5 }, () => measureCpuMs(find))))
  const [few = 0, many = 0] = leastMs
  // A search through all would take a thousand times as long; caches of the processor some times.
  assert.ok(many < 20 * few, leastMs.join(' '))
})

test('`HostTable` comes to an end with any regular expression on any host', () => {
  const table = new HostTable(
    ['~^(a+)+$', '~(.*.*.*.*)x$', '~^(a|a)*b$'].map((pattern) => [pattern, pattern] as const),
  )
  const find = (): void => {
    for (let round = 0; round < 10; round++)
      table.find(`${'a'.repeat(60)}.${'a'.repeat(60)}.${'a'.repeat(60)}.c`)
  }
  // Some are expected; trying all ways would take years.
  assert.ok(measureCpuMs(find) < 1_000)
})
