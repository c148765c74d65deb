import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BackupRun } from '../../metadata/backup-facts.ts'
import { findSlot, judgeBackups } from './backup-schedule.ts'

const at = (text: string): number => Date.parse(`2030-01-${text}Z`)

test('`findSlot()` finds the last time of the schedule', () => {
  const daily = { everyHours: 24, atMinutes: 150 }
  assert.equal(findSlot(daily, at('02T02:30:00')), at('02T02:30:00'))
  assert.equal(findSlot(daily, at('02T02:29:59')), at('01T02:30:00'))
  const often = { everyHours: 6, atMinutes: 150 }
  assert.equal(findSlot(often, at('02T14:29:59')), at('02T08:30:00'))
  assert.equal(findSlot(often, at('02T23:00:00')), at('02T20:30:00'))
})

function run(startedAt: string, outcome: BackupRun['outcome'], problem?: string): BackupRun {
  const time = new Date(at(startedAt))
  return {
    id: startedAt,
    folder: '/b',
    startedAt: time,
    endedAt: time,
    outcome,
    generation: undefined,
    problem,
  }
}

test('`judgeBackups()` finds failed and late backups', () => {
  const terms = { everyHours: 24, now: at('10T12:00:00') }
  assert.equal(judgeBackups([], terms), undefined)
  assert.equal(judgeBackups([run('10T02:00:00', 'complete')], terms), undefined)
  const underWay = { ...run('10T11:00:00', undefined), endedAt: undefined }
  assert.equal(judgeBackups([underWay], terms), undefined)
  assert.equal(judgeBackups([underWay, run('09T02:00:00', 'complete')], terms), undefined)
  assert.equal(judgeBackups([run('08T23:00:00', 'complete')], terms)?.kind, 'late')
  const failed = [
    run('10T03:00:00', 'failed', 'the disk is full'),
    run('10T02:00:00', 'incomplete', '1 blob is not in it'),
    run('09T02:00:00', 'complete'),
  ]
  assert.deepEqual(judgeBackups(failed, terms), {
    kind: 'failed',
    since: new Date(at('09T02:00:00')),
    failures: 2,
    problem: 'the disk is full',
  })
  assert.equal(judgeBackups([run('10T02:00:00', 'failed', 'x')], terms)?.failures, 1)
})
