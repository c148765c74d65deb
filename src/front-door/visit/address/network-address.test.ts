import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAddressMatcher, parseAddress, plainAddress } from './network-address.ts'
import { findVisitor } from './visitor-address.ts'

test('`plainAddress()` gives each address one form', () => {
  assert.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(plainAddress('2001:db8::1'), '2001:db8::1')
  assert.equal(plainAddress(undefined), 'unix:')
  assert.equal(parseAddress('2001:DB8:0:0::1'), '2001:db8::1')
  assert.equal(parseAddress('::FFFF:192.0.2.1'), '192.0.2.1')
  assert.equal(parseAddress('192.0.2.01'), undefined)
  assert.equal(parseAddress('unix:'), undefined)
})

test('`createAddressMatcher()` tells what lies in its networks', () => {
  const matches = createAddressMatcher(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', 'unix:'])
  for (const address of ['10.1.2.3', '192.0.2.1', '2001:db8:1::1', 'unix:'])
    assert.ok(matches(address), address)
  for (const address of ['11.0.0.1', '192.0.2.2', '2001:db9::1', '::1', '', 'x']) {
    assert.ok(!matches(address), address)
  }
  assert.ok(!createAddressMatcher([])('10.0.0.1'))
  assert.ok(!createAddressMatcher(['10.0.0.0/8'])('unix:'))
  assert.throws(() => createAddressMatcher(['nowhere/8']))
})

const isTrusted = createAddressMatcher(['10.0.0.0/8'])
const VISITORS: readonly (readonly [peer: string, header: string | undefined, visitor: string])[] = [
  ['203.0.113.9', '198.51.100.1', '203.0.113.9'],
  ['10.0.0.1', undefined, '10.0.0.1'],
  ['10.0.0.1', '198.51.100.1', '198.51.100.1'],
  ['10.0.0.1', '192.0.2.66, 198.51.100.1', '198.51.100.1'],
  ['10.0.0.1', '192.0.2.66, 198.51.100.1, 10.0.0.2', '198.51.100.1'],
  ['10.0.0.1', '10.0.0.3,10.0.0.2', '10.0.0.3'],
  ['10.0.0.1', '198.51.100.1, unknown', '10.0.0.1'],
  ['10.0.0.1', '198.51.100.1:5000', '198.51.100.1'],
  ['10.0.0.1', '[2001:DB8::1]:5000', '2001:db8::1'],
  ['10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
  ['10.0.0.1', '', '10.0.0.1'],
  ['10.0.0.1', `198.51.100.1${',10.0.0.2'.repeat(1_000)}`, '10.0.0.2'],
]
for (const [peer, header, visitor] of VISITORS) {
  test(`\`findVisitor()\` finds ${visitor} behind ${peer}, told ${header?.slice(0, 40)}`, () => {
    assert.equal(findVisitor(peer, header, isTrusted), visitor)
  })
}
