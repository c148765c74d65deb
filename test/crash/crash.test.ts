import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../support/content/seeded-random.ts'
import { postgresSkipReason, startPostgresServer } from '../support/database/postgres-server.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import {
  addAdministrator,
  BerthProcess,
  type BerthSite,
  fetchToken,
} from '../support/program/berth-process.ts'
import { RawClient } from '../support/requests/raw-request.ts'
import { isAlive, listChildren } from '../workers/worker-site.ts'
import { checkEvents } from './check-events.ts'
import { REPOSITORIES, runClient } from './client.ts'
import { checkInvariants } from './invariants.ts'
import { Ledger } from './ledger.ts'

const SEED = process.env.BERTH_CRASH_SEED ?? randomBytes(6).toString('hex')
const KILLS = Number(process.env.BERTH_CRASH_KILLS ?? 200)
/** Clients at work when the server dies. */
const CLIENTS = 6
/** Latest kill after the clients began, in ms. */
const LATEST_KILL_MS = 150
/** Share of kills during the start itself, and the latest of them after it, in ms: a start takes about 350. */
const EARLY_SHARE = 0.15
const LATEST_EARLY_KILL_MS = 450
/**
 * Longest start, in ms, and the share of starts that may take longer: on a machine that does other work, too, one start in
 * a hundred waits seconds for the disk. A walk over the storage would slow down all of them.
 */
const MAX_START_MS = 5_000
const LONGER_SHARE = 0.05
/** Starts compared at either end of the run: of so many, the fastest is the one least disturbed by other work. */
const COMPARED_STARTS = 30
/** Most that the fastest may take longer at the end, in ms, beyond twice the time: noise, but no walk over storage. */
const MAX_GROWTH_MS = 200

/** With workers, in each round one of them is killed before the primary. */
for (const { engine, workers, kills } of [
  { engine: 'sqlite', workers: 1, kills: KILLS },
  { engine: 'sqlite', workers: 2, kills: Math.ceil(KILLS / 5) },
  { engine: 'postgres', workers: 1, kills: KILLS },
])
  it(`holds what it acknowledged through ${kills} kills, ${engine}, workers: ${workers} (BERTH_CRASH_SEED=${SEED})`, {
    timeout: 540_000,
    skip: engine === 'postgres' && postgresSkipReason(),
  }, async (t) => {
    t.diagnostic(`seed ${SEED}`)
    await using folder = await makeTempFolder('crash')
    await using postgres = engine === 'postgres' ? await startPostgresServer() : undefined
    const site: BerthSite = {
      dataDir: join(folder.path, 'data'),
      port: await findFreePort(),
      logFile: join(folder.path, 'berth.log'),
      databaseUrl: postgres?.url(),
      // The token is fetched once and has to outlive the run.
      flags: ['--token-lifetime', '3600', '--workers', String(workers)],
    }
    const random = new SeededRandom(SEED)
    const basic = await addAdministrator(site)
    const ledger = new Ledger()
    const starts: number[] = []
    const startChecked = async (): Promise<BerthProcess> => {
      const server = BerthProcess.spawn(site)
      starts.push(await server.ready())
      return server
    }
    let token = ''
    for (ledger.round = 0; ledger.round < kills; ledger.round++) {
      if (random.chance(EARLY_SHARE)) {
        await using server = BerthProcess.spawn(site)
        await sleep(random.between(0, LATEST_EARLY_KILL_MS))
        await server.kill()
        await postgres?.untilUnused()
        continue
      }
      await using server = await startChecked()
      token ||= await fetchToken(site, basic, REPOSITORIES)
      using http = new RawClient(site.port, { authorization: token })
      await checkInvariants(ledger, http, { random: random.fork(), all: false })
      const clients = Array.from({ length: CLIENTS }, (_, id) =>
        runClient({ id, ledger, http, random: random.fork() }),
      )
      const killing = sleep(random.between(0, LATEST_KILL_MS)).then(() => server.kill())
      const [worker] = workers > 1 ? (await listChildren(server.pid)).slice(random.between(0, 1)) : []
      if (worker !== undefined) {
        await sleep(random.between(0, LATEST_KILL_MS / 2))
        if (!server.hasEnded && (await isAlive(worker))) process.kill(worker, 'SIGKILL')
      }
      await Promise.all([killing, ...clients])
      await postgres?.untilUnused()
    }
    {
      await using server = await startChecked()
      using http = new RawClient(site.port, { authorization: token })
      await checkInvariants(ledger, http, { random, all: true })
      assert.equal(await server.stop(), 0)
    }
    t.diagnostic(`${await checkEvents(ledger, site)} events of manifests agree with the content`)
    const [early, late] = [fastest(starts.slice(0, COMPARED_STARTS)), fastest(starts.slice(-COMPARED_STARTS))]
    t.diagnostic(`answered ${JSON.stringify(ledger.done)}`)
    t.diagnostic(
      `starts: ${early} ms at first, ${late} ms at last, ${Math.max(...starts).toFixed()} ms at most`,
    )
    const longer = starts.filter((ms) => ms > MAX_START_MS).map(Math.round)
    assert.ok(longer.length <= LONGER_SHARE * starts.length, `starts took too long: ${longer.join(', ')} ms`)
    assert.ok(late < 2 * early + MAX_GROWTH_MS, 'starts take longer the more there is')
    const log = await readFile(site.logFile, 'utf8')
    const complaints = log
      .split('\n')
      .filter((line) => /^\{"level":"?(?:error|50|60)|^error|^\s+at /.test(line))
      // Node's own message of a worker that begins below a primary that is gone.
      .filter((line) => workers === 1 || !/a worker ended by SIGKILL|^ +at .*node:/i.test(line))
    assert.deepEqual(complaints.slice(0, 5), [], 'the log holds errors')
  })

function fastest(values: readonly number[]): number {
  return Math.round(Math.min(...values))
}
