import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePastTime } from './parse-time.ts'

const NOW = Date.UTC(2026, 10, 28, 5)

test('`parsePastTime()` reads times with a zone, and durations before now', () => {
  const rows: [string, string][] = [
    ['2026-11-28T03:00Z', '2026-11-28T03:00:00.000Z'],
    ['2026-11-28 03:00Z', '2026-11-28T03:00:00.000Z'],
    ['2026-11-28T04:00:07+01:00', '2026-11-28T03:00:07.000Z'],
    ['2026-11-28T03:00:00.123Z', '2026-11-28T03:00:00.123Z'],
    ['45s ago', '2026-11-28T04:59:15.000Z'],
    ['2h ago', '2026-11-28T03:00:00.000Z'],
    ['3d  ago', '2026-11-25T05:00:00.000Z'],
  ]
  for (const [text, time] of rows) assert.equal(parsePastTime(text, NOW).toISOString(), time, text)
})

test('`parsePastTime()` refuses the future, times without a zone, and what is no time', () => {
  for (const text of [
    '2026-11-28T05:01Z',
    '2026-11-28T03:00',
    '2026-11-28',
    '2026-13-01T00:00Z',
    '2026-11-28T25:00Z',
    '2h',
    'ago',
    '0h ago',
    '-2h ago',
    'yesterday',
    '',
  ]) {
    assert.throws(() => parsePastTime(text, NOW), { code: 'USAGE' }, text)
  }
})
