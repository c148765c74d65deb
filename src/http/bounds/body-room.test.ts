import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BodyRoom } from './body-room.ts'
import { FairShare, LARGEST_SHARE } from './fair-share.ts'

const FULL = { code: 'TOOMANYREQUESTS', status: 429, retryAfterS: 2 }

test('`BodyRoom` bounds all bodies together, and gives back what a body took', () => {
  const room = new BodyRoom(100)
  const first = room.hold('account alice')
  first.add(60)
  const second = room.hold('account bob')
  second.add(40)
  assert.throws(() => second.add(1), FULL)
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  second.add(30)
  assert.throws(() => second.add(6), FULL, 'more than the share of one')
  second[Symbol.dispose]()
  using third = room.hold('account bob')
  third.add(100 * LARGEST_SHARE)
})

test('`BodyRoom` gives one holder no more than its share, whatever its number of bodies', () => {
  const room = new BodyRoom(100)
  using first = room.hold('account alice')
  using second = room.hold('account alice')
  first.add(50)
  second.add(25)
  assert.throws(() => second.add(1), FULL)
  using other = room.hold('address 192.0.2.1')
  other.add(25)
})

test('`FairShare` takes nothing where it refuses', () => {
  const shares = new FairShare(4)
  assert.deepEqual([shares.take('a', 2), shares.take('a', 2), shares.take('a', 1)], [true, false, true])
  shares.give('a', 3)
  assert.equal(shares.take('a', 3), true)
})
