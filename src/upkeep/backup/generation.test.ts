import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGeneration, readGenerationTime, toGenerationName } from './generation.ts'

const FILE = { bytes: 1, sha256: 'a'.repeat(64) }

function format(files: readonly object[], name = '20300101T000000Z'): string {
  const facts = { ...FILE, path: 'facts.db' }
  return JSON.stringify({ format: 1, name, facts, list: { ...FILE, path: 'blobs.txt' }, files })
}

test('`parseGeneration()` takes files and links inside their tree', () => {
  const files = [
    { ...FILE, path: 'data/certificates/installed/.pairs/a/1/a.key' },
    { path: 'data/certificates/installed/a.key', link: '.pairs/a/1/a.key' },
    { path: 'data/certificates/installed/b.key', link: '../pairs/b.key' },
  ]
  assert.deepEqual(parseGeneration(format(files))?.files, files)
})

for (const [what, entry] of [
  ['an absolute path', { ...FILE, path: '/etc/passwd' }],
  ['a path out of the folder', { ...FILE, path: 'data/../../x' }],
  ['an empty part', { ...FILE, path: 'data//x' }],
  ['an absolute link', { path: 'data/x', link: '/etc' }],
  ['a link out of its tree', { path: 'data/a/x', link: '../../x' }],
  ['a link that goes up behind a name', { path: 'data/a/b/x', link: 'y/../../..' }],
] as const) {
  test(`\`parseGeneration()\` refuses ${what}`, () => {
    assert.equal(parseGeneration(format([entry])), undefined)
  })
}

test('`parseGeneration()` refuses a file behind a link, another form, and a name that is a path', () => {
  const link = { path: 'data/a', link: 'b' }
  assert.equal(parseGeneration(format([link, { ...FILE, path: 'data/a/x' }])), undefined)
  assert.equal(parseGeneration(format([]).replace('"format":1', '"format":2')), undefined)
  assert.equal(parseGeneration(format([], '../x')), undefined)
  for (const text of ['', 'null', '[]', '{}']) assert.equal(parseGeneration(text), undefined)
})

test('the name of a generation is its time, to the second', () => {
  const time = new Date('2030-12-31T23:59:58.999Z')
  assert.equal(toGenerationName(time), '20301231T235958Z')
  assert.equal(readGenerationTime('20301231T235958Z').toISOString(), '2030-12-31T23:59:58.000Z')
})
