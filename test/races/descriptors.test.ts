import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectionLimit } from '../../src/front-door/listen/sockets/open-file-limit.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BerthProcess } from '../support/program/berth-process.ts'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { type Answer, RawClient } from '../support/requests/raw-request.ts'
import { type RaceServer, startRaceServer } from './race-server.ts'

const REPOSITORY = 'race/descriptors'
/** Descriptors the server may have: a few more than it needs for itself. */
const LIMIT = 128
/** Limit at the start: with few descriptors the server takes fewer connections, which would leave some free here. */
const LIMIT_AT_START = 1024
/** Connections that push and pull while all other descriptors are taken. */
const CLIENTS = 8
/** Rounds of requests without a free descriptor: handles that leak are collected within a few. */
const ROUNDS = 25
/** Workers that are filled with connections, and how many more there are. */
const WORKERS = 2
const SURPLUS = 40
/** More connections than the limit of files leaves. */
const MOST = 20_000
/** Longest wait for the server to let go of closed connections, in ms. */
const RELEASE_MS = 30_000

const skip = process.platform === 'linux' ? false : 'counts descriptors in /proc'

describe('a server that runs out of descriptors', { skip }, () => {
  it('answers 503 with Retry-After, loses nothing and goes on once some are free', async () => {
    await using server = await startRaceServer([REPOSITORY], { maxOpenFiles: LIMIT_AT_START })
    const { http } = server
    const kept = randomBytes(300_000)
    await pushBlob(http, REPOSITORY, kept)
    await each(CLIENTS, () => http.send('GET', '/v2/'))
    const idle = await takeAllDescriptors(server.process)
    const refused: Answer[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const answers = await each(CLIENTS, (client) => pushOrPull(http, kept, client))
      refused.push(...answers.filter(({ status }) => status >= 400))
    }
    assert.equal(server.process.hasEnded, false, 'the server has ended')
    assertTurnedAway(refused)
    for (const socket of idle) socket.destroy()
    await untilFewerThan(server.process, LIMIT - 2 * CLIENTS)
    const blobs = [randomBytes(1_000), randomBytes(2_000_000)]
    for (const bytes of blobs) await pushBlob(http, REPOSITORY, bytes)
    const manifest = formatManifest(blobs)
    assert.equal(await putManifest(http, { repository: REPOSITORY, reference: 'after' }, manifest), 201)
    for (const bytes of [...blobs, kept]) {
      const { digest } = await http.send('GET', `/v2/${REPOSITORY}/blobs/${hashSha256(bytes)}`)
      assert.equal(digest, hashSha256(bytes))
    }
    assert.match(await readFile(server.site.logFile, 'utf8'), /EMFILE/)
  })

  it('answers 503 with Retry-After for files of a site', async () => {
    await using folder = await makeTempFolder('races')
    await writeFile(join(folder.path, 'index.html'), 'hello')
    const config = join(folder.path, 'berth.yaml')
    await writeFile(config, `sites: { a.example: { files: ${folder.path} } }`)
    await using server = await BerthProcess.start({
      dataDir: join(folder.path, 'data'),
      port: await findFreePort(),
      logFile: join(folder.path, 'berth.log'),
      maxOpenFiles: LIMIT_AT_START,
      flags: [
        ...['--config', config, '--domain', 'registry.example', '--listen-https', 'off', '--acme', 'off'],
        ...['--docker-host', 'off', '--https-method', 'noredirect'],
      ],
    })
    using http = new RawClient(server.port)
    const visit = (): Promise<Answer> => http.send('GET', '/', { headers: { host: 'a.example' } })
    await each(CLIENTS, visit)
    const idle = await takeAllDescriptors(server)
    const refused: Answer[] = []
    for (let round = 0; round < ROUNDS; round++) {
      refused.push(...(await each(CLIENTS, visit)).filter(({ status }) => status !== 200))
    }
    assertTurnedAway(refused)
    for (const socket of idle) socket.destroy()
    await untilFewerThan(server, LIMIT - 2 * CLIENTS)
    assert.equal(String((await visit()).body), 'hello')
  })
})

describe('workers that have as many connections as they take', { skip }, () => {
  it('close further ones, which else would be passed on between them for ever', async () => {
    const taken = WORKERS * connectionLimit(MOST, LIMIT)
    await using server = await startRaceServer([REPOSITORY], {
      maxOpenFiles: LIMIT,
      flags: ['--workers', String(WORKERS)],
    })
    const { port, logFile } = server.site
    const sockets: Socket[] = []
    for (let count = 0; count < taken + SURPLUS; count++) {
      const socket = connect(port, '127.0.0.1').resume()
      socket.on('error', () => socket.destroy())
      sockets.push(socket)
      await once(socket, 'connect')
      // The primary holds the connection until a worker has taken it.
      await sleep(2)
    }
    const deadline = Date.now() + RELEASE_MS
    while (sockets.filter(({ readableEnded, destroyed }) => !readableEnded && !destroyed).length > taken) {
      assert.ok(Date.now() < deadline, 'connections wait that no worker takes')
      await sleep(20)
    }
    for (const socket of sockets) socket.destroy()
    // Until the workers have seen the ends of these, they close new connections.
    while (!(await isPushed(server))) {
      assert.ok(Date.now() < deadline, 'no connection is taken again')
      await sleep(20)
    }
    assert.match(await readFile(logFile, 'utf8'), /accepts few connections at once and closes all others/)
  })
})

/** True if a push over a new connection is accepted. */
async function isPushed({ site, authorization }: RaceServer): Promise<boolean> {
  using anew = new RawClient(site.port, { authorization })
  return await pushBlob(anew, REPOSITORY, randomBytes(1_000)).then(
    () => true,
    () => false,
  )
}

function assertTurnedAway(refused: readonly Answer[]): void {
  assert.ok(refused.length > ROUNDS, `only ${refused.length} requests met no free descriptor`)
  for (const { status, headers, body } of refused) {
    assert.equal(status, 503, String(body))
    assert.ok(Number(headers['retry-after']) > 0, 'no Retry-After')
  }
}

/** Pushes a new blob or pulls the stored one, by turns. */
function pushOrPull(http: RawClient, kept: Buffer, client: number): Promise<Answer> {
  if (client % 2 === 0) return http.send('GET', `/v2/${REPOSITORY}/blobs/${hashSha256(kept)}`)
  const body = randomBytes(100_000)
  return http.send('POST', `/v2/${REPOSITORY}/blobs/uploads/?digest=${hashSha256(body)}`, { body })
}

/** Opens connections that send nothing until the server has no descriptor left for another. */
async function takeAllDescriptors({ pid, port }: BerthProcess): Promise<Socket[]> {
  await runOk('prlimit', ['--pid', String(pid), `--nofile=${LIMIT}:${LIMIT_AT_START}`])
  const sockets: Socket[] = []
  while ((await countDescriptors(pid)) < LIMIT - 1) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => socket.destroy())
    await once(socket, 'connect')
    sockets.push(socket)
    // The server accepts it a moment later.
    await sleep(2)
  }
  return sockets
}

function untilFewerThan({ pid }: BerthProcess, count: number): Promise<void> {
  return until(async () => (await countDescriptors(pid)) < count, 'closed connections keep their descriptors')
}

async function countDescriptors(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length
}

function each<T>(count: number, act: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => act(index)))
}
