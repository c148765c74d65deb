import assert from 'node:assert/strict'
import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type BerthSchema, MIGRATION_SETS } from '../../../src/app/database/database-schema.ts'
import { openSqliteDatabase } from '../../../src/database/sqlite/open-sqlite.ts'
import { OciError } from '../../../src/oci/errors.ts'
import { SeededRandom } from '../../support/content/seeded-random.ts'
import { type Call, CallWatch, type Fault } from './call-watch.ts'
import { checkNothingLeaks, checkSite, finishUpload } from './check-site.ts'
import { Ledger } from './ledger.ts'
import { LostWrites } from './lost-writes.ts'
import type { Operation } from './operations.ts'
import { openSite, type Site, type SiteClock } from './site.ts'
import { watchFiles } from './watch-files.ts'
import { watchStatements } from './watch-statements.ts'

const START = Date.UTC(2030, 0, 1)
/** Most calls of the file system with which a store opens: none for each blob. */
const MAX_CALLS_OF_START = 20

/** Folders of a site, and what was acknowledged there. */
interface Base {
  readonly folder: string
  readonly ledger: Ledger
  readonly now: number
}

/** Opens the site of a folder. */
async function openFolder(folder: string, clock: SiteClock): Promise<Site> {
  return openSite({
    blobsFolder: join(folder, 'blobs'),
    clock,
    openDatabase: () =>
      openSqliteDatabase<BerthSchema>(join(folder, 'berth.sqlite'), { migrations: MIGRATION_SETS }),
  })
}

/** Makes a base by an operation on an empty site. */
export async function makeBase(folder: string, run: Operation['run']): Promise<Base> {
  await mkdir(folder, { recursive: true })
  const clock = { now: START }
  const site = await openFolder(folder, clock)
  const ledger = new Ledger()
  await run({ site, ledger })
  await checkSite(site, ledger)
  await site.close()
  return { folder, ledger, now: clock.now }
}

/** Point of an operation; without a fault its calls are only numbered. */
interface Point {
  readonly base: Base
  readonly operation: Operation
  readonly fault?: Fault
  /** Folder for this point alone, removed if nothing is wrong. */
  readonly folder: string
  readonly seed: string
}

/**
 * Runs an operation with a fault, checks what is served after it, by the next process if this one has ended, repeats the
 * operation as its client does, and checks that collection leaves nothing. Returns the calls up to the fault.
 */
export async function runPoint({ base, operation, fault, folder, seed }: Point): Promise<readonly Call[]> {
  const first = join(folder, 'first')
  await cp(base.folder, first, { recursive: true })
  const clock = { now: base.now }
  const ledger = base.ledger.copy()
  const watch = new CallWatch(first, fault, new LostWrites(join(first, 'blobs')))
  watchFiles(watch)
  watchStatements(watch)
  let site = await openFolder(first, clock)
  try {
    watch.start()
    const failure = await catchFailure(() => operation.run({ site, ledger }))
    watch.stop()
    if (!operation.isInterleaved) assert.equal(watch.isMet, fault !== undefined, 'the fault has not happened')
    let place = first
    if (watch.hasEnded) {
      place = join(folder, 'second')
      await makeRemains(watch, { place, fault, seed })
      await closeEnded(site, watch)
      site = await restart(place, clock)
    } else if (failure !== undefined) {
      refuseUncoded(failure, operation)
    }
    await checkSite(site, ledger)
    ledger.isRepeated = true
    site.passMarks()
    await operation.run({ site, ledger })
    await checkSite(site, ledger)
    await finishUpload(site, ledger)
    await checkNothingLeaks(site, join(place, 'blobs'))
  } finally {
    watchFiles(undefined)
    watchStatements(undefined)
    await site.close()
  }
  await rm(folder, { recursive: true })
  return watch.calls
}

async function catchFailure(run: () => Promise<void>): Promise<unknown> {
  try {
    await run()
    return undefined
  } catch (error) {
    return error
  }
}

/** The client gets an error of the protocol, by which it knows to try again. */
function refuseUncoded(failure: unknown, operation: Operation): void {
  if (operation.isUpkeep) return
  const isCoded = failure instanceof OciError && ['STORAGE_FULL', 'UNAVAILABLE'].includes(failure.code)
  if (!isCoded) throw failure
}

/** Copies what is left of an ended process's folder. Committed rows are durable: SQLite syncs them itself. */
async function makeRemains(
  { folder, follower }: CallWatch,
  { place, fault, seed }: { place: string; fault: Fault | undefined; seed: string },
): Promise<void> {
  await mkdir(place)
  for (const name of ['berth.sqlite', 'berth.sqlite-wal']) {
    await cp(join(folder, name), join(place, name), { force: true })
  }
  const unsynced = fault && 'unsynced' in fault ? fault.unsynced : 'kept'
  if (unsynced === 'kept') await cp(join(folder, 'blobs'), join(place, 'blobs'), { recursive: true })
  else (follower as LostWrites).writeTo(join(place, 'blobs'), unsynced, new SeededRandom(seed))
}

/** Its connections are closed as the system does it. */
async function closeEnded(site: Site, watch: CallWatch): Promise<void> {
  assert.ok(watch.hasEnded)
  watchFiles(undefined)
  watchStatements(undefined)
  await site.close()
}

async function restart(place: string, clock: SiteClock): Promise<Site> {
  const watch = new CallWatch(join(place, 'blobs'))
  watchFiles(watch)
  watch.start()
  const site = await openFolder(place, clock)
  watch.stop()
  assert.ok(watch.calls.length <= MAX_CALLS_OF_START, `a start made ${watch.calls.length} calls`)
  return site
}
