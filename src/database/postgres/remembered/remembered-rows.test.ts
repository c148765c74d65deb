import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RowMemory } from '../../row-memory.ts'
import { MAX_UNCONFIRMED_MS, RememberedRows } from './remembered-rows.ts'

const ROW = { size: 1 }

describe('RememberedRows', () => {
  it('forgets after a time without a sign that nothing has changed', () => {
    const { rows, clock } = make()
    rows.add('key', ROW, rows.version())
    clock.now += MAX_UNCONFIRMED_MS - 1
    assert.equal(rows.get('key'), ROW)
    clock.now += 1
    assert.equal(rows.get('key'), undefined)
  })

  it('remembers from one sign to the next, counted from when it was sent', () => {
    const { rows, clock } = make()
    rows.add('key', ROW, rows.version())
    for (let sent = 0; sent < 5; sent++) {
      const sentAt = clock.now
      clock.now += MAX_UNCONFIRMED_MS / 2
      rows.confirm(sentAt)
      assert.equal(rows.get('key'), ROW)
    }
    clock.now += MAX_UNCONFIRMED_MS / 2
    assert.equal(rows.get('key'), undefined)
  })

  it('does not remember a row that was read before a change and arrives after it', () => {
    const { rows } = make()
    const readAt = rows.version()
    rows.forget()
    rows.add('key', ROW, readAt)
    assert.equal(rows.get('key'), undefined)
  })

  it('does not remember a row whose reading took longer than rows are remembered', () => {
    const { rows, clock } = make()
    const readAt = rows.version()
    clock.now += MAX_UNCONFIRMED_MS
    rows.add('key', ROW, readAt)
    assert.equal(rows.get('key'), undefined)
  })

  it('counts changes and lapses', () => {
    const { rows, clock } = make()
    const first = rows.version()
    assert.equal(rows.version(), first)
    rows.forget()
    const second = rows.version()
    assert.notEqual(second, first)
    clock.now += MAX_UNCONFIRMED_MS
    assert.notEqual(rows.version(), second)
  })
})

function make(): { rows: RememberedRows; clock: { now: number } } {
  const clock = { now: 1_000 }
  return { rows: new RememberedRows(new RowMemory(), () => clock.now), clock }
}
