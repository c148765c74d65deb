import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readHash } from '../passwords/hash-forms.ts'
import { remainingWork } from './remaining-work.ts'

const BODY = 'N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
const bcrypt = (cost: number): string => `$2y$${String(cost).padStart(2, '0')}$${BODY}`
const sha = (rounds: string): string => `$6$${rounds}salt$${'a'.repeat(86)}`
const MD5 = `$1$saltsalt$${'a'.repeat(22)}`
const SHA1 = '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='

function readCost(hash: string): number {
  const reading = readHash(hash, { weakHashes: true })
  assert.ok(reading.state === 'usable', hash)
  return reading.costUs
}

const CASES: readonly (readonly [costliest: string, own: string | undefined, work: readonly string[]])[] = [
  [bcrypt(10), undefined, [bcrypt(10)]],
  [bcrypt(10), bcrypt(10), []],
  [bcrypt(10), bcrypt(9), [bcrypt(9)]],
  [bcrypt(10), bcrypt(8), [bcrypt(9), bcrypt(8)]],
  [bcrypt(10), SHA1, [bcrypt(10)]],
  [bcrypt(4), undefined, [bcrypt(4)]],
  [sha('rounds=100000$'), undefined, [sha('rounds=100000$')]],
  [sha('rounds=100000$'), sha('rounds=40000$'), [sha('rounds=60000$')]],
  [sha('rounds=100000$'), sha(''), [sha('rounds=95000$')]],
  [sha(''), SHA1, [sha('rounds=4999$')]],
  [sha(''), sha(''), []],
  [MD5, undefined, [MD5]],
  [MD5, SHA1, [MD5]],
  [SHA1, undefined, [SHA1]],
]

for (const [costliest, own, expected] of CASES) {
  test(`\`remainingWork()\` fills ${own?.slice(0, 17) ?? 'nothing'} up to ${costliest.slice(0, 17)}`, () => {
    const done = own === undefined ? 0 : readCost(own)
    const work = remainingWork({ hash: costliest, costUs: readCost(costliest) }, done)
    assert.deepEqual(work, expected)
    const total = work.reduce((sum, hash) => sum + readCost(hash), done)
    assert.ok(Math.abs(total - readCost(costliest)) <= readCost(costliest) / 16 + 1, `${total}`)
  })
}
