import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAddressTest, decideAddress, decideDemand } from './access.ts'
import type { AccessSettings } from './settings.ts'

function rules(text: string): AccessSettings['addresses'] {
  return text
    .split(';')
    .filter((rule) => rule.trim() !== '')
    .map((rule) => {
      const [action = '', network = ''] = rule.trim().split(' ')
      return { action: action === 'allow' ? 'allow' : 'deny', network, fits: createAddressTest(network) }
    })
}

const ADDRESSES: readonly (readonly [rules: string, address: string, verdict: string])[] = [
  ['', '192.0.2.1', 'undecided'],
  ['deny 192.0.2.1', '192.0.2.1', 'denied'],
  ['deny 192.0.2.1', '192.0.2.2', 'undecided'],
  ['deny 192.0.2.1', '::ffff:192.0.2.1', 'denied'],
  ['allow 192.0.2.0/24; deny all', '192.0.2.255', 'allowed'],
  ['allow 192.0.2.0/24; deny all', '192.0.3.0', 'denied'],
  ['allow 192.0.2.0/24; deny all', '::ffff:192.0.2.7', 'allowed'],
  ['allow 192.0.2.7/24; deny all', '192.0.2.1', 'allowed'],
  ['deny 0.0.0.0/0', '203.0.113.9', 'denied'],
  ['deny 0.0.0.0/0', '2001:db8::1', 'undecided'],
  ['deny ::/0', '2001:db8::1', 'denied'],
  ['allow 2001:db8::/32; deny all', '2001:db8:ffff::1', 'allowed'],
  ['allow 2001:db8::/32; deny all', '2001:db9::1', 'denied'],
  ['allow 2001:DB8:0::1; deny all', '2001:db8::1', 'allowed'],
  ['allow ::1; deny all', '127.0.0.1', 'denied'],
  ['deny all; allow 192.0.2.1', '192.0.2.1', 'denied'],
  ['allow unix:; deny all', 'unix:', 'allowed'],
  ['allow unix:; deny all', '192.0.2.1', 'denied'],
  ['allow 192.0.2.1; deny all', 'unix:', 'denied'],
  ['allow 192.0.2.1; deny all', 'nonsense', 'denied'],
  ['allow 192.0.2.1; deny all', '', 'denied'],
]

for (const [text, address, verdict] of ADDRESSES) {
  test(`\`decideAddress()\` finds ${address || 'no address'} ${verdict} with "${text}"`, () => {
    assert.equal(decideAddress({ addresses: rules(text) }, address), verdict)
  })
}

const BASIC = { realm: [{ literal: 'x' }], file: '/users' }

test('`decideDemand()` requires a password with "satisfy any" where no rule covers an address', () => {
  const access: AccessSettings = { addresses: rules('allow 192.0.2.1'), basic: BASIC, satisfy: 'any' }
  assert.equal(decideDemand(access, '192.0.2.1').kind, 'granted')
  assert.equal(decideDemand(access, '192.0.2.2').kind, 'password')
  assert.equal(decideDemand({ ...access, addresses: [] }, '192.0.2.1').kind, 'password')
  assert.equal(decideDemand({ ...access, addresses: rules('deny all') }, '192.0.2.1').kind, 'password')
})
