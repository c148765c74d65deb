import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { EngineName } from '../../../src/database/database.ts'
import { postgresSkipReason } from '../../support/database/postgres-server.ts'
import { withMemoryFolder } from '../../support/machine/memory-folder.ts'
import { runOk } from '../../support/machine/run-command.ts'
import type { RaceReport, RaceSelection } from './run-races.ts'

const SEED = process.env.BERTH_RACE_SEED ?? randomBytes(6).toString('hex')
/** Steps of each of the four runs of an engine, `npm run test:races` or `npm test`; `BERTH_RACE_STEPS` for another number. */
const STEPS: Readonly<Record<EngineName, number>> =
  process.env.BERTH_RACES === 'full' ? { sqlite: 25_000, postgres: 5_000 } : { sqlite: 1_000, postgres: 300 }
/** Steps of the run that is made twice. */
const REPLAYED_STEPS = 1_000
/** Longest run, in ms: a quarter of it on two cores without other work. */
const TIMEOUT_MS = 1_800_000

/** In a process of its own: the test runner follows every promise of its process, which takes half of the time. */
async function race(selection: Omit<RaceSelection, 'seed'>): Promise<RaceReport> {
  const script = join(import.meta.dirname, 'run-races.ts')
  const parameters = [script, JSON.stringify({ ...selection, seed: SEED })]
  return JSON.parse(
    await runOk(process.execPath, parameters, { timeoutMs: TIMEOUT_MS, env: withMemoryFolder() }),
  ) as RaceReport
}

describe(`races of collection (BERTH_RACE_SEED=${SEED})`, { concurrency: 2, timeout: TIMEOUT_MS }, () => {
  for (const engine of ['sqlite', 'postgres'] as const) {
    const skip = engine === 'postgres' && postgresSkipReason()
    const steps = Number(process.env.BERTH_RACE_STEPS ?? STEPS[engine])
    for (const kind of ['memory', 'disk'] as const) {
      for (const count of [1, 2]) {
        const title = `what is served stays whole in ${steps} steps: ${engine}, ${kind}, processes: ${count}`
        it(title, { skip }, async (context) => {
          const report = await race({ engine, kind, count, steps })
          const counts = Object.entries({ ...report.acts, ...report.events })
          const acts = counts.map(([name, times]) => `${times} ${name}`)
          context.diagnostic(
            `${report.steps} steps: ${acts.join(', ')}; ${report.repeated} repeated, ${report.refused} refused`,
          )
        })
      }
    }
  }

  it('a seed replays exactly: SQLite, in memory', async () => {
    const selection = { engine: 'sqlite', kind: 'memory', count: 1, steps: REPLAYED_STEPS } as const
    const [first, second] = await Promise.all([race(selection), race(selection)])
    assert.deepEqual(first, second)
  })
})
