import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from './bars.ts'
import { formatNumber, formatTables, formatVerdicts } from './report.ts'

const work = 'pull over TLS, 1 connection'
const samples = [
  { work, server: 'Berth', round: 0, figures: { 'MB/s': 1500 } },
  { work, server: 'Berth', round: 1, figures: { 'MB/s': 1700 } },
  { work, server: 'docker-registry', round: 0, figures: { 'MB/s': 900 } },
]

test('`formatNumber()` keeps three digits', () => {
  assert.deepEqual([0, 0.0123, 1.5, 12.34, 1234.5, -3].map(formatNumber), [
    '0',
    '0.012',
    '1.5',
    '12.3',
    '1,235',
    '-3',
  ])
})

test('`formatTables()` shows the median and its ends, and a dash where nothing was measured', () => {
  const cpu = { work, server: 'docker-registry', round: 0, figures: { 'MB/s': 900, 'CPU s/GiB': 1 } }
  assert.equal(
    formatTables([...samples.slice(0, 2), cpu]),
    [
      `### ${work}`,
      '',
      '|  | MB/s | CPU s/GiB |',
      '| --- | ---: | ---: |',
      '| Berth | 1,600 (1,500–1,700) | – |',
      '| docker-registry | 900 | 1 |',
    ].join('\n'),
  )
})

test('`judge()` holds what was measured to its bars, and says nothing of the rest', () => {
  const verdicts = judge(samples)
  assert.deepEqual(
    verdicts.map(({ to, isReached }) => ({ to, isReached })),
    [{ to: 'docker-registry', isReached: true }],
  )
  assert.match(
    formatVerdicts(verdicts),
    /Berth \/ docker-registry: MB\/s \| 1\.67x \| at least 1\.5x \| reached/,
  )
})

test('`judge()` holds a figure of its own to a bound that must not be reached', () => {
  const idle = { work: 'memory, idle', server: 'Berth', round: 0, figures: { 'RSS MB': 90 } }
  assert.equal(judge([idle])[0]?.isReached, false)
})
