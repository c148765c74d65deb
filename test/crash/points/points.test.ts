import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { postgresSkipReason } from '../../support/database/postgres-server.ts'
import { withMemoryFolder } from '../../support/machine/memory-folder.ts'
import { runOk } from '../../support/machine/run-command.ts'
import type { PointSelection, PointsReport } from './run-points.ts'

const SEED = process.env.BERTH_CRASH_SEED ?? randomBytes(6).toString('hex')
/** Points of one run, a random share of all; `BERTH_CRASH_POINTS` for another number, `all` runs each once. */
const POINTS = { sqlite: '2400', postgres: '160' } as const
/** Runs only the operations whose name holds this text. */
const ONLY = process.env.BERTH_CRASH_OPERATION ?? ''
/**
 * Longest run of a part, in ms. By the time of the points of one run, all 22,500 on SQLite take at least 24 minutes on two cores, and all
 * 12,200 on PostgreSQL at least 75; those of backups are slow, and one run has a quarter of their share.
 */
const TIMEOUT_MS = 4 * 3_600_000
/** Processes at once: the test runner follows every promise of its own process, which takes half of the time. */
const PARTS = 2

for (const engine of ['sqlite', 'postgres'] as const) {
  const wanted = process.env.BERTH_CRASH_POINTS ?? POINTS[engine]
  const skip = engine === 'postgres' && postgresSkipReason()
  test(`what was acknowledged survives a fault at ${wanted} numbered calls, ${engine} (BERTH_CRASH_SEED=${SEED})`, {
    skip,
  }, async (context) => {
    const points = wanted === 'all' ? wanted : Number(wanted)
    const reports = await Promise.all(
      Array.from({ length: PARTS }, async (_, part) => {
        const selection: PointSelection = { engine, seed: SEED, points, only: ONLY, part, parts: PARTS }
        const script = join(import.meta.dirname, 'run-points.ts')
        const options = { timeoutMs: TIMEOUT_MS, env: withMemoryFolder() }
        return JSON.parse(
          await runOk(process.execPath, [script, JSON.stringify(selection)], options),
        ) as PointsReport
      }),
    )
    const [first] = reports
    const sum = (key: 'run' | 'failed'): number => reports.reduce((all, report) => all + report[key], 0)
    context.diagnostic(
      `${sum('run')} of ${first?.total} points, of ${first?.calls} calls of ${first?.operations} operations`,
    )
    const shown = reports.flatMap(({ failures }) => failures).join('\n\n')
    assert.equal(sum('failed'), 0, `${sum('failed')} points failed (BERTH_CRASH_SEED=${SEED}):\n${shown}`)
    assert.ok(sum('run') > 0)
  })
}
