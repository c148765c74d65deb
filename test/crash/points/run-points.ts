import { join } from 'node:path'
import type { EngineName } from '../../../src/database/database.ts'
import { SeededRandom } from '../../support/content/seeded-random.ts'
import { makeTempFolder } from '../../support/machine/temp-folder.ts'
import type { Fault } from './call-watch.ts'
import { listFaults } from './list-faults.ts'
import { backUpAndChange } from './operations/backups.ts'
import type { Operation } from './operations/operation.ts'
import { makeBase as fill, OPERATIONS } from './operations/operations.ts'
import { damage } from './operations/scrubs.ts'
import { openPostgresDatabases, openSqliteDatabases } from './point-databases.ts'
import { type Base, makeBase, makeChangedBase, makeLeftBase, runPoint } from './run-point.ts'

/** Failures shown: one mistake fails many points. */
const MAX_SHOWN = 5

/** Part of the points of slow operations among which those of a run are drawn. */
const SLOW_SHARE = 0.25

/** A fault of an operation. */
interface ChosenPoint {
  readonly operation: Operation
  readonly fault: Fault
}

/** Selection of points. */
export interface PointSelection {
  readonly engine: EngineName
  readonly seed: string
  /** Number of points, a random share of all; `all` runs each once. */
  readonly points: number | 'all'
  /** Only operations whose name holds this text. */
  readonly only: string
  /** This part of them is run, of so many: each part in a process of its own. */
  readonly part: number
  readonly parts: number
}

/** Result of a part. */
export interface PointsReport {
  /** Points that were run. */
  readonly run: number
  /** All there are. */
  readonly total: number
  readonly calls: number
  readonly operations: number
  readonly failed: number
  /** The first failures, as text. */
  readonly failures: readonly string[]
}

/** Runs a part of the points. */
async function runPoints({
  engine,
  seed,
  points: wanted,
  only,
  part,
  parts,
}: PointSelection): Promise<PointsReport> {
  await using temporary = await makeTempFolder('points')
  await using databases = engine === 'sqlite' ? openSqliteDatabases() : await openPostgresDatabases()
  const base = await makeBase(databases, join(temporary.path, 'base'), fill)
  const bases = {
    left: await makeLeftBase(base, join(temporary.path, 'left')),
    'backed-up': await makeChangedBase(base, join(temporary.path, 'backed-up'), backUpAndChange),
    damaged: await makeChangedBase(base, join(temporary.path, 'damaged'), damage),
  }
  const findBase = (operation: Operation): Base => (operation.base ? bases[operation.base] : base)
  const operations = OPERATIONS.filter(({ name }) => name.includes(only))
  const points: ChosenPoint[] = []
  let calls = 0
  for (const operation of operations) {
    const numbered = await runPoint({
      ...{ base: findBase(operation), operation, folder: join(temporary.path, 'calls'), seed },
    })
    calls += numbered.length
    points.push(...listFaults(engine, numbered).map((fault) => ({ operation, fault })))
  }
  const chosen = wanted === 'all' ? points : choose(points, wanted, new SeededRandom(seed))
  const failures: string[] = []
  let run = 0
  for (const [at, { operation, fault }] of chosen.entries()) {
    if (at % parts !== part) continue
    const name = `${operation.name}, ${JSON.stringify(fault)}`
    const folder = join(temporary.path, `point-${at}`)
    try {
      run++
      await runPoint({ base: findBase(operation), operation, fault, folder, seed: `${seed} ${name}` })
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
  }
  return {
    run,
    total: points.length,
    calls,
    operations: operations.length,
    failed: failures.length,
    failures: failures.slice(0, MAX_SHOWN),
  }
}

/** A random share of the points, of slow ones a smaller one. */
function choose(points: readonly ChosenPoint[], wanted: number, random: SeededRandom): ChosenPoint[] {
  const drawn = points.filter(({ operation }) => !operation.isSlow || random.chance(SLOW_SHARE))
  return random.shuffle(drawn).slice(0, wanted)
}

console.log(JSON.stringify(await runPoints(JSON.parse(process.argv[2] ?? '{}') as PointSelection)))
