import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../support/machine/until.ts'
import { BerthProcess, type BerthSite } from '../support/program/berth-process.ts'
import { runCli } from '../support/program/run-cli.ts'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'
import { type RaceServer, startRaceServer } from './race-server.ts'

const REPOSITORY = 'race/replaced'
const UPLOADS = `/v2/${REPOSITORY}/blobs/uploads/`
/** Clients that push while the folder is replaced. */
const PUSHERS = 4

/** Wrong ways to put a backup in place under a running server. */
const RESTORES: Readonly<Record<string, (data: string, backup: string) => Promise<void>>> = {
  'the folder': async (data, backup) => {
    await rename(data, `${data}.old`)
    await rename(backup, data)
  },
  'the database': (data, backup) => rename(join(backup, 'berth.db'), join(data, 'berth.db')),
  "nothing in place of SQLite's log": (data) => rm(join(data, 'berth.db-wal')),
  "nothing in place of SQLite's shared memory": (data) => rm(join(data, 'berth.db-shm')),
  'nothing in place of the folder': (data) => rename(data, `${data}.old`),
}

for (const workers of [1, 2])
  describe(`data replaced under a server, workers: ${workers}`, () => {
    for (const [what, restore] of Object.entries(RESTORES)) {
      it(`${what}: nothing is acknowledged any more, reads go on, and the log says so`, async () => {
        await using server = await start(workers)
        const { http, site } = server
        const first = randomBytes(100)
        const blobs = [first, randomBytes(5_000)]
        for (const bytes of blobs) await pushBlob(http, REPOSITORY, bytes)
        assert.equal(
          await putManifest(http, { repository: REPOSITORY, reference: 'v1' }, formatManifest(blobs)),
          201,
        )
        const backup = await backUp(site)
        await restore(site.dataDir, backup)
        const refusals = [
          await http.send('POST', `${UPLOADS}?digest=${hashSha256(first)}`, { body: first }),
          await http.send('POST', UPLOADS),
          await http.send('POST', `${UPLOADS}?mount=${hashSha256(first)}&from=${REPOSITORY}`),
          await http.send('DELETE', `/v2/${REPOSITORY}/manifests/v1`),
          await http.send('GET', '/readyz'),
        ]
        for (const { status, headers, body } of refusals) {
          assert.equal(status, 503, String(body))
          assert.match(String(body), /replaced while it ran/)
          assert.ok(Number(headers['retry-after']) > 0)
        }
        const again = await putManifest(
          http,
          { repository: REPOSITORY, reference: 'v2' },
          formatManifest(blobs),
        )
        assert.equal(again, 503)
        assert.equal((await http.send('GET', `/v2/${REPOSITORY}/manifests/v1`)).status, 200)
        const reports = await untilLogged(site)
        assert.ok(reports.length <= workers + 1, reports.join('\n'))
      })
    }

    it('no push that began after it is lost', async () => {
      await using server = await start(workers)
      const { http, site } = server
      await pushBlob(http, REPOSITORY, randomBytes(10))
      const backup = await backUp(site)
      let isReplaced = false
      const acknowledged: string[] = []
      const statuses = new Set<number>()
      const pushers = Array.from({ length: PUSHERS }, async () => {
        for (let left = 25; left > 0; left -= isReplaced ? 1 : 0) {
          const beganAfter = isReplaced
          const body = randomBytes(2_000)
          const { status } = await http.send('POST', `${UPLOADS}?digest=${hashSha256(body)}`, { body })
          statuses.add(status)
          if (beganAfter && status === 201) acknowledged.push(hashSha256(body))
        }
      })
      await sleep(50)
      await RESTORES['the folder']?.(site.dataDir, backup)
      isReplaced = true
      await Promise.all(pushers)
      assert.ok(statuses.has(503), `${[...statuses]}`)
      await server.process.stop()
      await using _again = await BerthProcess.start(site)
      using afterwards = connectAnew(server)
      for (const digest of acknowledged) await assertBlob(afterwards, digest)
      await pushBlob(afterwards, REPOSITORY, randomBytes(1_000))
    })

    it('is logged where nobody writes, too', async () => {
      await using server = await start(workers)
      const { site } = server
      await RESTORES['the folder']?.(site.dataDir, await backUp(site))
      await untilLogged(site)
    })
  })

describe('a database that is lost', () => {
  for (const [state, lose] of Object.entries<(file: string) => Promise<void>>({
    missing: (file) => rm(file),
    empty: (file) => writeFile(file, ''),
  })) {
    it(`${state} beside blobs: the start is refused, and made anew with --new only`, async () => {
      await using server = await start(1)
      const { http, site } = server
      const bytes = randomBytes(1_000)
      await pushBlob(http, REPOSITORY, bytes)
      await server.process.stop()
      const file = join(site.dataDir, 'berth.db')
      await cp(file, `${file}.kept`)
      await lose(file)
      await assert.rejects(
        BerthProcess.start(site),
        new RegExp(`error\\[DATABASE_LOST\\]: .* is ${state}, but .* holds blobs.*Restore it.*--new`),
      )
      for (const command of ['user list', 'repo list', 'user add eve --new --password-stdin']) {
        const { code, stderr } = await runCli([...command.split(' '), '--data', site.dataDir], {
          stdin: 'a long password',
        })
        assert.deepEqual([code, /^error\[DATABASE_LOST\]/.test(stderr)], [1, true], stderr)
      }
      assert.match(
        (await runCli(['doctor', '--data', site.dataDir])).stdout,
        new RegExp(`^FAILED +data +The database .* ${state}, but`, 'm'),
      )
      // A restore, as the message advises.
      await cp(`${file}.kept`, file)
      {
        await using _restored = await BerthProcess.start(site)
        using afterwards = connectAnew(server)
        await assertBlob(afterwards, hashSha256(bytes))
      }
      await lose(file)
      await using _fresh = await BerthProcess.start({ ...site, flags: ['--new'] })
      using afterwards = connectAnew(server)
      await untilLive(afterwards)
    })
  }

  it('is none where there are no blobs, or those of another registry', async () => {
    await using server = await start(1)
    const { site } = server
    await server.process.stop()
    await rm(site.dataDir, { recursive: true })
    const foreign = join(site.dataDir, 'docker/registry/v2')
    const blob = join(foreign, 'blobs/sha256/ab', 'ab'.repeat(32))
    await cp(new URL('../fixtures', import.meta.url).pathname, blob, { recursive: true })
    await assert.rejects(BerthProcess.start(site), /DATABASE_LOST/)
    await cp(blob, join(foreign, 'repositories/app'), { recursive: true })
    await using _beside = await BerthProcess.start(site)
  })
})

function start(workers: number): Promise<RaceServer> {
  return startRaceServer([REPOSITORY], { flags: ['--workers', String(workers)] })
}

/** Waits for the lines that report it; one for each process at most. */
async function untilLogged({ logFile }: BerthSite): Promise<string[]> {
  let reports: string[] = []
  await until(async () => {
    const lines = (await readFile(logFile, 'utf8')).split('\n')
    reports = lines.filter((line) => line.includes('the data folder was replaced'))
    return reports.length > 0
  }, 'nothing in the log')
  return reports
}

/** Connections to a server that was started again: those to the one before may have ended a moment ago. */
function connectAnew({ site, authorization }: RaceServer): RawClient {
  return new RawClient(site.port, { authorization })
}

/** A first start tries its addresses before it makes anything, so that the first connection may be closed. */
function untilLive(http: RawClient): Promise<void> {
  const isLive = async (): Promise<boolean> =>
    (await http.send('GET', '/livez').catch(() => undefined))?.status === 200
  return until(isLive, 'the server does not answer')
}

async function backUp({ dataDir }: BerthSite): Promise<string> {
  const backup = `${dataDir}.backup`
  // The socket of `berth status` is no file that a copy could hold.
  await cp(dataDir, backup, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  return backup
}

async function assertBlob(http: RawClient, digest: string): Promise<void> {
  const found = await http.send('GET', `/v2/${REPOSITORY}/blobs/${digest}`)
  assert.deepEqual([found.status, found.digest], [200, digest])
}
