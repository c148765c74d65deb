import assert from 'node:assert/strict'
import { cp, mkdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { OciError } from '../../../src/oci/errors.ts'
import { SeededRandom } from '../../support/content/seeded-random.ts'
import { type Call, CallWatch, type Fault } from './call-watch.ts'
import { checkNothingLeaks, checkSite, finishUpload } from './check-site.ts'
import { LostWrites } from './lost-writes.ts'
import type { PointRoom } from './operations/content.ts'
import { Ledger } from './operations/ledger.ts'
import type { Operation } from './operations/operation.ts'
import type { PointDatabases } from './point-databases.ts'
import { openSite, placeIn, type Site, type SiteClock } from './site.ts'
import { watchFiles } from './watch-files.ts'

const START = Date.UTC(2030, 0, 1)
/** Most calls of the file system with which a store opens: none for each blob. */
const MAX_CALLS_OF_START = 20

/** Folders of a site, and what was acknowledged there. */
export interface Base {
  readonly databases: PointDatabases
  readonly folder: string
  readonly ledger: Ledger
  readonly now: number
}

/** Opens the site of a folder. */
async function openFolder(databases: PointDatabases, folder: string, clock: SiteClock): Promise<Site> {
  return openSite(placeIn(folder, databases), clock)
}

/** Makes a base by an operation on an empty site. */
export async function makeBase(
  databases: PointDatabases,
  folder: string,
  run: Operation['run'],
): Promise<Base> {
  await mkdir(folder, { recursive: true })
  const clock = { now: START }
  const site = await openFolder(databases, folder, clock)
  const ledger = new Ledger()
  await run({ site, ledger })
  await checkSite(site, ledger)
  await site.close()
  return { databases, folder, ledger, now: clock.now }
}

/** A base whose blobs are left to Distribution, and whose database is new. */
export async function makeLeftBase(base: Base, folder: string): Promise<Base> {
  const { databases } = base
  const clock = { now: base.now }
  const former = `${folder}-former`
  await cp(join(base.folder, 'blobs'), join(folder, 'blobs'), { recursive: true })
  await mkdir(former)
  await databases.copy(join(base.folder, 'data'), former)
  const place = placeIn(folder, databases)
  const leaving = await openSite({ ...place, dataDir: former }, clock)
  await leaving.leave()
  await leaving.close()
  await databases.drop(former)
  await (await openSite(place, clock)).close()
  const ledger = new Ledger()
  ledger.left = base.ledger.present()
  return { databases, folder, ledger, now: clock.now }
}

/** A base that an act makes of another one. */
export async function makeChangedBase(
  base: Base,
  folder: string,
  change: (room: PointRoom) => Promise<void>,
): Promise<Base> {
  const clock = { now: base.now }
  const ledger = base.ledger.copy()
  await copyFolder(base, folder)
  const site = await openFolder(base.databases, folder, clock)
  await change({ site, ledger })
  await checkSite(site, ledger)
  await site.close()
  return { databases: base.databases, folder, ledger, now: clock.now }
}

async function copyFolder({ databases, folder }: Base, to: string): Promise<void> {
  await copyFiles(folder, to)
  await mkdir(join(to, 'data'), { recursive: true })
  await databases.copy(join(folder, 'data'), join(to, 'data'))
}

/** All but the database of the site, which has a way of its own. */
async function copyFiles(from: string, to: string): Promise<void> {
  const isCopied = (path: string): boolean =>
    basename(dirname(path)) !== 'data' || !/^berth\.db/.test(basename(path))
  await cp(from, to, { recursive: true, verbatimSymlinks: true, filter: isCopied })
}

/** Point of an operation; without a fault its calls are only numbered. */
interface Point {
  readonly base: Base
  readonly operation: Operation
  readonly fault?: Fault
  /** Folder for this point alone, removed at its end. */
  readonly folder: string
  readonly seed: string
}

/**
 * Runs an operation with a fault, checks what is served after it, by the next process if this one has ended, repeats the
 * operation as its client does, and checks that collection leaves nothing. Returns the calls up to the fault.
 */
export async function runPoint({ base, operation, fault, folder, seed }: Point): Promise<readonly Call[]> {
  const first = join(folder, 'first')
  const { databases } = base
  await copyFolder(base, first)
  const clock = { now: base.now }
  const ledger = base.ledger.copy()
  const watch = new CallWatch(first, fault, new LostWrites(first, join(first, 'data')))
  let place = first
  watchAll(databases, watch)
  let site = await openFolder(databases, first, clock)
  try {
    watch.start()
    const failure = await catchFailure(() => operation.run({ site, ledger }))
    watch.stop()
    // Messages of several connections come in no fixed order: there may be fewer of them this time.
    if (!operation.isInterleaved && !databases.isServer)
      assert.equal(watch.isMet, fault !== undefined, 'the fault has not happened')
    if (watch.hasEnded) {
      place = join(folder, 'second')
      watchFiles(undefined)
      await makeRemains(watch, { place, fault, seed })
      for (const name of databases.isServer ? ['data', 'restored'] : ['data'])
        await databases.leave(join(first, name), join(place, name))
      watchAll(databases, undefined)
      await site.close()
      site = await restart(databases, place, clock)
    } else if (failure !== undefined) {
      refuseUncoded(failure, operation)
    }
    await checkSite(site, ledger)
    await operation.checkAlways?.({ site, ledger })
    if (failure === undefined) await operation.checkSuccess?.({ site, ledger })
    if (!fault) return watch.calls
    ledger.isRepeated = true
    site.passMarks()
    await operation.run({ site, ledger })
    await checkSite(site, ledger)
    await operation.checkAlways?.({ site, ledger })
    await operation.checkSuccess?.({ site, ledger })
    await finishUpload(site, ledger)
    await checkNothingLeaks(site)
  } finally {
    watchAll(databases, undefined)
    await site.close()
    for (const name of ['data', 'restored']) await databases.drop(join(place, name))
    await rm(folder, { recursive: true })
  }
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
  const { isClearError } = operation
  if (isClearError && !isClearError(failure)) throw failure
  if (operation.isUpkeep) return
  const isCoded = failure instanceof OciError && ['STORAGE_FULL', 'UNAVAILABLE'].includes(failure.code)
  if (!isCoded) throw failure
}

function watchAll(databases: PointDatabases, watch: CallWatch | undefined): void {
  watchFiles(watch)
  databases.watch(watch)
}

/** Copies what is left of an ended process's files. Committed rows are durable: databases sync them themselves. */
async function makeRemains(
  { folder, follower }: CallWatch,
  { place, fault, seed }: { place: string; fault: Fault | undefined; seed: string },
): Promise<void> {
  const unsynced = fault && 'unsynced' in fault ? fault.unsynced : 'kept'
  if (unsynced === 'kept') return copyFiles(folder, place)
  ;(follower as LostWrites).writeTo(place, unsynced, new SeededRandom(seed))
  await copyFiles(join(folder, 'data'), join(place, 'data'))
}

async function restart(databases: PointDatabases, place: string, clock: SiteClock): Promise<Site> {
  const watch = new CallWatch(join(place, 'blobs'))
  watchFiles(watch)
  watch.start()
  const site = await openFolder(databases, place, clock)
  watch.stop()
  assert.ok(watch.calls.length <= MAX_CALLS_OF_START, `a start made ${watch.calls.length} calls`)
  return site
}
