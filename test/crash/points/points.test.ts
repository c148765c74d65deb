import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { runOk } from '../../support/machine/run-command.ts'
import type { PointSelection, PointsReport } from './run-points.ts'

const SEED = process.env.BERTH_CRASH_SEED ?? randomBytes(6).toString('hex')
/** Points of one run, a random share of all; `BERTH_CRASH_POINTS=all` runs each once. */
const POINTS = process.env.BERTH_CRASH_POINTS ?? '2400'
/** Runs only the operations whose name holds this text. */
const ONLY = process.env.BERTH_CRASH_OPERATION ?? ''
/** Longest run of a part, in ms; all points take a quarter of an hour on two cores. */
const TIMEOUT_MS = 3_600_000
/** Processes at once: the test runner follows every promise of its own process, which takes half of the time. */
const PARTS = 2

test(`what was acknowledged survives a fault at any of ${POINTS} numbered calls (BERTH_CRASH_SEED=${SEED})`, async (context) => {
  const points = POINTS === 'all' ? POINTS : Number(POINTS)
  const reports = await Promise.all(
    Array.from({ length: PARTS }, async (_, part) => {
      const selection: PointSelection = { seed: SEED, points, only: ONLY, part, parts: PARTS }
      const script = join(import.meta.dirname, 'run-points.ts')
      const output = await runOk(process.execPath, [script, JSON.stringify(selection)], {
        timeoutMs: TIMEOUT_MS,
      })
      return JSON.parse(output) as PointsReport
    }),
  )
  const [{ total, calls, operations } = { total: 0, calls: 0, operations: 0 }] = reports
  const sum = (key: 'run' | 'failed'): number => reports.reduce((all, report) => all + report[key], 0)
  context.diagnostic(`${sum('run')} of ${total} points, of ${calls} calls of ${operations} operations`)
  const shown = reports.flatMap(({ failures }) => failures).join('\n\n')
  assert.equal(sum('failed'), 0, `${sum('failed')} points failed (BERTH_CRASH_SEED=${SEED}):\n${shown}`)
  assert.equal(sum('run'), points === 'all' ? total : Math.min(points, total))
})
