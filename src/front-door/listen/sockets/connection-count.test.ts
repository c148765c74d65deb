import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionCount } from './connection-count.ts'

test('`ConnectionCount` takes so many of one address, and others still', () => {
  const count = new ConnectionCount(2)
  const release = count.add('192.0.2.1')
  assert.ok(release)
  assert.ok(count.add('192.0.2.1'))
  assert.equal(count.add('192.0.2.1'), undefined)
  assert.ok(count.add('192.0.2.2'))
  release()
  assert.ok(count.add('192.0.2.1'))
  assert.equal(count.add('192.0.2.1'), undefined)
})

test('`ConnectionCount` counts a /64 of IPv6 as one', () => {
  const count = new ConnectionCount(1)
  assert.ok(count.add('2001:db8::1'))
  assert.equal(count.add('2001:db8::ffff:2'), undefined)
  assert.equal(count.add('2001:db8:0:0:1:2:3:4'), undefined)
  assert.ok(count.add('2001:db8:0:1::1'))
  assert.ok(count.add('::1'))
})

test('`ConnectionCount` without a limit takes all', () => {
  const count = new ConnectionCount(0)
  for (let index = 0; index < 100; index++) assert.ok(count.add('192.0.2.1'))
})
