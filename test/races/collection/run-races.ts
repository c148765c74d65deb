import { join } from 'node:path'
import { DiskBlobStore } from '../../../src/blobs/disk/disk-blob-store.ts'
import type { EngineName } from '../../../src/database/database.ts'
import { SeededRandom } from '../../support/content/seeded-random.ts'
import { postgresEngine } from '../../support/database/postgres-engine.ts'
import { temporaryDatabase } from '../../support/database/temporary-database.ts'
import { MemoryBlobStore } from '../../support/memory/memory-blob-store.ts'
import { restInTurns } from './rest-in-turns.ts'
import { runWorld } from './run-world.ts'
import { openWorld } from './world.ts'

/** One run of the races. */
export interface RaceSelection {
  readonly engine: EngineName
  readonly kind: 'memory' | 'disk'
  /** Processes of the registry, each with a connection and a memory of its own. */
  readonly count: number
  readonly steps: number
  readonly seed: string
}

/** Result of a run that found nothing wrong. */
export interface RaceReport {
  readonly steps: number
  readonly acts: Readonly<Record<string, number>>
  /** Numbers of what has happened, by name. */
  readonly events: Readonly<Record<string, number>>
  readonly repeated: number
  readonly refused: number
  readonly trace: string
}

async function runRaces({ engine, kind, count, steps, seed }: RaceSelection): Promise<RaceReport> {
  // Disks and PostgreSQL answer in their own time, which turns would not wait for.
  if (engine === 'sqlite' && kind === 'memory') restInTurns()
  await using resources = new AsyncDisposableStack()
  const postgres = engine === 'postgres' ? postgresEngine() : undefined
  resources.defer(async () => postgres?.close())
  const temporary = resources.use(await (postgres?.open() ?? temporaryDatabase()))
  const store =
    kind === 'memory' ? new MemoryBlobStore() : await DiskBlobStore.open(join(temporary.folder, 'blobs'))
  resources.defer(() => store.close())
  const random = new SeededRandom(`${seed} ${kind} ${count}`)
  const world = await openWorld(temporary, { count, store, random })
  const { byName, repeated, refused, trace } = await runWorld(world, { steps, random })
  const [acts, events] = [Object.fromEntries(byName), Object.fromEntries(world.limits.events)]
  return { steps: world.steps.count, acts, events, repeated, refused, trace }
}

console.log(JSON.stringify(await runRaces(JSON.parse(process.argv[2] ?? '{}') as RaceSelection)))
