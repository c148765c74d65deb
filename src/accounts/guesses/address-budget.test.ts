import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressBlock } from './address-block.ts'
import { AddressBudget } from './address-budget.ts'

const BLOCKS: readonly (readonly [address: string, block: string | undefined])[] = [
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::FFFF:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8::3:4:5:6', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
  ['127.0.0.1', undefined],
  ['127.1.2.3', undefined],
  ['::ffff:127.0.0.1', undefined],
  ['::1', undefined],
  ['', undefined],
  ['unix', undefined],
]

/** Makes an attempt. @returns the seconds to wait if there is none left, else undefined. */
function take(budget: AddressBudget, address: string): number | undefined {
  const waitMs = budget.waitMs(address)
  if (waitMs > 0) return Math.ceil(waitMs / 1_000)
  budget.charge(address)
  return undefined
}

for (const [address, block] of BLOCKS) {
  test(`\`addressBlock()\` takes ${JSON.stringify(address)} for ${block ?? 'nobody'}`, () => {
    assert.equal(addressBlock(address), block)
  })
}

test('`charge()` gives each address a hundred failures, and one more every six seconds', () => {
  let now = 1_000_000
  const budget = new AddressBudget(() => now)
  for (let index = 0; index < 100; index++) {
    assert.equal(take(budget, `2001:db8::${index}`), undefined)
  }
  assert.equal(take(budget, '2001:db8::ffff:1'), 6)
  assert.equal(take(budget, '2001:db8:0:1::1'), undefined)
  assert.equal(take(budget, '192.0.2.1'), undefined)
  now += 5_999
  assert.equal(take(budget, '2001:db8::1'), 1)
  now += 1
  assert.equal(take(budget, '2001:db8::1'), undefined)
  assert.equal(take(budget, '2001:db8::1'), 6)
  now += 60_000
  for (let index = 0; index < 10; index++) assert.equal(take(budget, '2001:db8::1'), undefined)
  assert.equal(take(budget, '2001:db8::1'), 6)
})

test('`giveBack()` makes an attempt that did not fail free', () => {
  const budget = new AddressBudget(() => 0)
  for (let index = 0; index < 1_000; index++) {
    assert.equal(take(budget, '192.0.2.1'), undefined)
    budget.giveBack('192.0.2.1')
  }
  for (let index = 0; index < 1_000; index++) assert.equal(take(budget, '127.0.0.1'), undefined)
})

test('`charge()` remembers a bounded number of addresses', () => {
  const budget = new AddressBudget(() => 0)
  for (let index = 0; index < 100; index++) take(budget, '192.0.2.1')
  for (let index = 0; index < 9_999; index++) take(budget, `10.0.${index >> 8}.${index & 255}`)
  assert.equal(take(budget, '192.0.2.1'), 6)
  take(budget, '198.51.100.1')
  assert.equal(take(budget, '192.0.2.1'), undefined)
})
