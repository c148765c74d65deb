import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { lstat, mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder, type TempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import {
  addAdministrator,
  BerthProcess,
  type BerthSite,
  fetchToken,
} from '../support/program/berth-process.ts'
import { basicLogin } from '../support/requests/basic-login.ts'
import { hashSha256, openSession, readOffset } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'
import { isAlive, listChildren, startWorkers } from './worker-site.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const REPOSITORY = 'workers/test'

interface Room extends AsyncDisposable {
  readonly folder: TempFolder
  readonly site: BerthSite
  readonly basic: string
  readonly server: BerthProcess
  /** Log-in for the repository. */
  readonly authorization: string
}

/** A server with two workers, and a log-in. */
async function openRoom(): Promise<Room> {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('workers'))
  const site = {
    dataDir: join(folder.path, 'data'),
    port: await findFreePort(),
    logFile: join(folder.path, 'berth.log'),
  }
  const basic = await addAdministrator(site)
  const server = resources.use(await startWorkers(site))
  const authorization = await fetchToken(site, basic, [REPOSITORY])
  const kept = resources.move()
  return { folder, site, basic, server, authorization, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Sends one request on a connection of its own: connections go to the workers in turn. */
async function sendAlone(
  { site, authorization }: Room,
  ...request: Parameters<RawClient['send']>
): ReturnType<RawClient['send']> {
  using client = new RawClient(site.port, { authorization })
  return await client.send(...request)
}

/** The workers whose lines are in the log, by the beginning of their request ids. */
async function workersInLog({ site }: Room): Promise<Set<string>> {
  const lines = (await readFile(site.logFile, 'utf8')).split('\n').filter((line) => line.includes('"id":"'))
  return new Set(lines.map((line) => (JSON.parse(line) as { id: string }).id.replace(/-.*/, '')))
}

test('a blob whose chunks come to one worker and the other is the right one', async () => {
  await using room = await openRoom()
  const bytes = randomBytes(1_000_000)
  using first = new RawClient(room.site.port, { authorization: room.authorization })
  const location = await openSession(first, REPOSITORY)
  for (let offset = 0; offset < bytes.length; offset += 100_000) {
    const body = bytes.subarray(offset, offset + 100_000)
    const headers = { 'content-range': `${offset}-${offset + body.length - 1}` }
    assert.equal((await sendAlone(room, 'PATCH', location, { body, headers })).status, 202)
  }
  const finished = await sendAlone(room, 'PUT', `${location}?digest=${hashSha256(bytes)}`)
  assert.equal(finished.status, 201, String(finished.body))
  const blob = await sendAlone(room, 'GET', `/v2/${REPOSITORY}/blobs/${hashSha256(bytes)}`)
  assert.equal(blob.digest, hashSha256(bytes))
  assert.equal(await room.server.stop(), 0)
  assert.equal((await workersInLog(room)).size, 2)
})

test('no blob has another digest than its bytes, when one worker hashed a body that did not count', async () => {
  await using room = await openRoom()
  using client = new RawClient(room.site.port, { authorization: room.authorization })
  const location = await openSession(client, REPOSITORY)
  const [refused, taken, last] = [randomBytes(200_000), randomBytes(200_000), randomBytes(1_000)]
  // More bytes than announced: the session keeps its offset. Connections go to the workers in turn, so the first worker
  // gets a request again after the other has put other bytes there.
  const headers = { 'content-range': '0-9' }
  const more = { body: refused, headers, isChunked: true }
  assert.equal((await sendAlone(room, 'PATCH', location, more)).status, 400)
  assert.equal((await sendAlone(room, 'PATCH', location, { body: taken })).status, 202)
  assert.equal((await sendAlone(room, 'PATCH', location, { body: last })).status, 202)
  const claimed = hashSha256(Buffer.concat([refused, last]))
  assert.equal((await client.send('PUT', `${location}?digest=${claimed}`)).status, 400)
  assert.equal((await sendAlone(room, 'GET', `/v2/${REPOSITORY}/blobs/${claimed}`)).status, 404)
  assert.equal(await room.server.stop(), 0)
  assert.equal((await workersInLog(room)).size, 2)
})

test('a worker that is killed is replaced; its upload goes on where it stood', async () => {
  await using room = await openRoom()
  const workers = await listChildren(room.server.pid)
  assert.equal(workers.length, 2)
  using client = new RawClient(room.site.port, { authorization: room.authorization })
  const location = await openSession(client, REPOSITORY)
  const bytes = randomBytes(600_000)
  const sending = connect(room.site.port, '127.0.0.1').on('error', () => {})
  const gone = once(sending, 'close')
  const head = ['host: 127.0.0.1', `authorization: ${room.authorization}`, 'expect: 100-continue']
  sending.write(
    [`PATCH ${location} HTTP/1.1`, ...head, `content-length: ${bytes.length}`, '', ''].join('\r\n'),
  )
  const [answer] = (await once(sending, 'data')) as [Buffer]
  assert.match(String(answer), /^HTTP\/1\.1 100 /)
  sending.write(bytes.subarray(0, 300_000))
  // During the body no other request may add to the session, at whichever worker.
  for (let turn = 0; turn < 4; turn++) {
    assert.equal((await sendAlone(room, 'PATCH', location, { body: Buffer.from('x') })).status, 416)
  }
  for (const pid of workers) process.kill(pid, 'SIGKILL')
  await gone
  await until(async () => {
    const now = await listChildren(room.server.pid)
    return now.length === 2 && now.every((pid) => !workers.includes(pid))
  })
  // With no worker left there was no listener for a moment.
  await until(() => isListening(room.site.port).catch(() => false))
  const offset = (await readOffset(client, location)) ?? assert.fail('the session is gone')
  const taken = await sendAlone(room, 'PATCH', location, { body: Buffer.from('more') })
  assert.equal(taken.status, 202, String(taken.body))
  assert.equal(await readOffset(client, location), offset + 4)
  assert.equal(await room.server.stop(), 0)
  assert.match(
    await readFile(room.site.logFile, 'utf8'),
    /a worker ended by SIGKILL: another takes its place/,
  )
})

test('workers do not outlive a primary that is killed, and the next server waits for one that does', async () => {
  await using room = await openRoom()
  const workers = await listChildren(room.server.pid)
  await room.server.kill()
  await until(async () => !(await Promise.all(workers.map(isAlive))).includes(true))

  const again = await startWorkers(room.site)
  const [stuck = 0] = await listChildren(again.pid)
  process.kill(stuck, 'SIGSTOP')
  await again.kill()
  const refused = BerthProcess.spawn({ ...room.site, flags: [] })
  assert.equal(await refused.ended(), 1)
  assert.match(await readFile(room.site.logFile, 'utf8'), /DATA_IN_USE/)
  const waiting = BerthProcess.spawn({ ...room.site, flags: [] })
  await sleep(300)
  process.kill(stuck, 'SIGCONT')
  await waiting.ready()
  assert.equal(await isAlive(stuck), false)
  assert.equal(await waiting.stop(), 0)
})

test('failed log-ins are counted for all workers together, and the right password gets through both', async () => {
  await using room = await openRoom()
  const owner = await addAdministrator(room.site, 'owner')
  const logIn = async (authorization: string): Promise<number> =>
    (await sendAlone(room, 'GET', '/v2/', { headers: { authorization } })).status
  let guesses = 0
  const guess = (): Promise<number> => logIn(basicLogin('owner', `wrong ${++guesses}`))
  const statuses: number[] = []
  for (let turn = 0; turn < 16; turn++) statuses.push(await guess())
  // One more may pass a worker that has not heard of it yet.
  const passed = statuses.filter((status) => status === 401).length
  assert.ok(passed === 10 || passed === 11, String(statuses))
  assert.deepEqual(statuses.slice(-4), [429, 429, 429, 429])
  // Refused by one worker, let in by the other; then both know it.
  const first = await logIn(owner)
  if (first !== 200) assert.deepEqual([first, await logIn(owner)], [429, 200])
  for (let turn = 0; turn < 4; turn++) {
    await guess()
    assert.equal(await logIn(owner), 200)
  }
  assert.equal(await room.server.stop(), 0)
})

test('a port that is taken is reported as by one process', async () => {
  await using room = await openRoom()
  const second = { ...room.site, dataDir: join(room.folder.path, 'second') }
  const process = BerthProcess.spawn({ ...second, flags: ['--workers', '2'] })
  assert.equal(await process.ended(), 1)
  assert.match(await readFile(room.site.logFile, 'utf8'), /error\[PORT_IN_USE\]: .*already in use/)
})

test('a worker that is hit by Ctrl-C as it begins is started again; one that is killed then fails the start', async () => {
  await using room = await openRoom()
  assert.equal(await room.server.stop(), 0)
  const startAndHit = async (signal: NodeJS.Signals): Promise<BerthProcess> => {
    const server = BerthProcess.spawn({ ...room.site, flags: ['--workers', '2'] })
    await until(async () => (await listChildren(server.pid)).length === 2)
    const [first = 0] = await listChildren(server.pid)
    process.kill(first, signal)
    return server
  }
  await using server = await startAndHit('SIGINT')
  await server.ready()
  await until(async () => (await listChildren(server.pid)).length === 2)
  assert.equal(await server.stop(), 0)
  await using failing = await startAndHit('SIGKILL')
  assert.equal(await failing.ended(), 1)
  const log = await readFile(room.site.logFile, 'utf8')
  assert.match(log, /error\[WORKER_FAILED\]: A worker ended by SIGKILL before it served/)
  assert.doesNotMatch(log, /another takes its place/)
})

test('a worker that the system does not start is tried again, and held against no stop', async () => {
  await using room = await openRoom()
  const [killed = 0] = await listChildren(room.server.pid)
  const limitFiles = (limit: string): Promise<unknown> =>
    runOk('prlimit', ['--pid', String(room.server.pid), `--nofile=${limit}:4096`])
  await limitFiles(String((await readdir(`/proc/${room.server.pid}/fd`)).length))
  process.kill(killed, 'SIGKILL')
  await until(async () => /cannot be started/.test(await readFile(room.site.logFile, 'utf8')))
  await limitFiles('4096')
  await until(async () => (await listChildren(room.server.pid)).length === 2)
  assert.equal(await room.server.stop(), 0)
})

test('workers that cannot begin are tried again until they can, also while none serves', async () => {
  await using room = await openRoom()
  const lock = join(room.site.dataDir, 'workers.lock')
  await rm(lock)
  await mkdir(lock)
  for (const pid of await listChildren(room.server.pid)) process.kill(pid, 'SIGKILL')
  const failures = async (): Promise<number> =>
    (await readFile(room.site.logFile, 'utf8')).split('a worker ended with exit code 1').length - 1
  await until(async () => (await failures()) >= 3)
  assert.equal(await isAlive(room.server.pid), true)
  await rmdir(lock)
  await until(async () => isListening(room.site.port).catch(() => false))
  assert.equal(await room.server.stop(), 0)
})

test('lines of several workers are whole where they go into one pipe', async () => {
  await using folder = await makeTempFolder('workers')
  const port = await findFreePort()
  const flags = ['--data', join(folder.path, 'data'), '--listen-http', `127.0.0.1:${port}`, '--workers', '2']
  const child = spawn(process.execPath, [MAIN, 'serve', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const ended = once(child, 'close')
  await until(async () => output.includes('Berth serves'))
  const agent = `agent ${'a'.repeat(600)}`
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      using client = new RawClient(port)
      for (let turn = 0; turn < 150; turn++) {
        await client.send('GET', '/v2/', { headers: { 'user-agent': agent } })
      }
    }),
  )
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
  const lines = output.split('\n').filter((line) => line.includes('path'))
  assert.equal(lines.length, 1_200)
  for (const line of lines) assert.equal((JSON.parse(line) as { path: string }).path, '/v2/')
})

test('workers listen at the Unix socket that a killed server left, and a file there stays', async () => {
  await using folder = await makeTempFolder('workers')
  const path = join(folder.path, 'berth.sock')
  const site = { dataDir: join(folder.path, 'data'), port: 0, logFile: join(folder.path, 'berth.log') }
  const flags = ['--workers', '2', '--listen-http', `unix:${path}`]
  const welcomes = async (): Promise<number> =>
    (await readFile(site.logFile, 'utf8').catch(() => '')).split('Berth serves').length - 1
  for (const count of [1, 2]) {
    const server = BerthProcess.spawn({ ...site, flags })
    await until(async () => (await welcomes()) === count)
    for (let turn = 0; turn < 4; turn++) await answeredAt(path)
    await server.kill()
    // The socket stays: only its primary would remove it.
    assert.ok((await lstat(path)).isSocket())
  }
  await rm(path)
  await writeFile(path, 'precious')
  const server = BerthProcess.spawn({ ...site, flags })
  assert.equal(await server.ended(), 1)
  assert.match(await readFile(site.logFile, 'utf8'), /error\[SOCKET_UNUSABLE\]/)
  assert.equal(await readFile(path, 'utf8'), 'precious')
})

async function answeredAt(path: string): Promise<void> {
  const socket = connect({ path })
  socket.write('GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(String(answer), /^HTTP\/1\.1 200 /)
  socket.destroy()
}
