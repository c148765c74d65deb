import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type NoteKind, Tally } from './adopt-report.ts'

function tally(adopted: number, ...notes: [NoteKind, string][]): Tally {
  const made = new Tally()
  made.manifests.adopted = adopted
  for (const [kind, where] of notes) made.note(kind, where)
  return made
}

test('a takeover that did not see all is incomplete; one that met odd things is complete', () => {
  for (const whole of [
    tally(0),
    tally(1, ['missing-blob', 'sha256:aa'], ['symbolic-link', 'team/app'], ['torn-link', 'team/app/x']),
    tally(0, ['foreign-file', 'team/readme'], ['tag-without-manifest', 'team/app:v1']),
  ])
    assert.equal(whole.isIncomplete, false)
  for (const partly of [
    tally(9, ['unreadable', 'team/app']),
    tally(9, ['symbolic-link', '.']),
    tally(0, ['missing-blob', 'sha256:aa']),
  ])
    assert.equal(partly.isIncomplete, true)
})
