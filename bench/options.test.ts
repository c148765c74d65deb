import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOptions, UsageError, WORKS } from './options.ts'

test('`parseOptions()` measures everything in five rounds by default', () => {
  const options = parseOptions([])
  assert.deepEqual(options?.works, WORKS)
  assert.equal(options?.rounds, 5)
  assert.equal(options?.sizes.blobBytes, 1024 ** 3)
})

test('`parseOptions()` takes a database by its URL, or a server of its own', () => {
  assert.equal(parseOptions([])?.database, undefined)
  for (const database of ['postgres', 'postgres://berth@127.0.0.1/bench'])
    assert.equal(parseOptions(['--database', database])?.database, database)
})

test('`parseOptions()` keeps the order of the works', () => {
  assert.deepEqual(parseOptions(['--only', 'tags, pull'])?.works, ['pull', 'tags'])
})

test('`parseOptions()` makes a smoke run small', () => {
  const options = parseOptions(['--smoke'])
  assert.equal(options?.rounds, 1)
  assert.equal(options?.sizes.blobBytes, 16 * 1024 ** 2)
})

test('`parseOptions()` takes the number of blobs of a collection', () => {
  assert.equal(parseOptions(['--blobs', '1000000'])?.sizes.collectedBlobs, 1_000_000)
})

test('`parseOptions()` takes the shares and the pace of a collection', () => {
  assert.deepEqual(parseOptions([])?.deadShares, [0.01, 0.5])
  const options = parseOptions(['--dead', '1', '--collect-rate', '100'])
  assert.deepEqual(options?.deadShares, [0.01])
  assert.equal(options?.collectRate, 100)
})

test('`parseOptions()` returns nothing for --help', () => {
  assert.equal(parseOptions(['--help']), undefined)
})

for (const args of [
  ['--only', 'fly'],
  ['--rounds', '0'],
  ['--rounds', '1.5'],
  ['--blobs', '100'],
  ['--dead', '0'],
  ['--collect-rate', 'all'],
  ['--fast'],
  ['extra'],
  ['--database', 'mysql://x'],
]) {
  test(`\`parseOptions()\` rejects ${args.join(' ')}`, () => {
    assert.throws(() => parseOptions(args), UsageError)
  })
}
