import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type NoteKind, Tally } from './adopt-report.ts'

function tally(...notes: [NoteKind, string][]): Tally {
  const made = new Tally()
  for (const [kind, where] of notes) made.note(kind, where)
  return made
}

test('a tree that is none, or has a part that cannot be read, is unreadable; odd things in it are not', () => {
  assert.equal(tally(['unreadable', 'team/app']).isUnreadable, true)
  assert.equal(tally(['symbolic-link', '.']).isUnreadable, true)
  const odd = tally(['missing-blob', 'sha256:aa'], ['symbolic-link', 'team/app'], ['torn-link', 'team/app/x'])
  assert.deepEqual([odd.isUnreadable, odd.lacksBlobs], [false, true])
  assert.equal(tally(['foreign-file', 'team/readme']).lacksBlobs, false)
})
