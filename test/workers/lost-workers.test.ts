import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder, type TempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { addAdministrator, type BerthSite, fetchToken } from '../support/program/berth-process.ts'
import { openSession } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'
import { isAlive, listChildren, startWorkers } from './worker-site.ts'

const CLIENTS = 16
/** Each after a longer wait than the one before, as the server is slow to replace workers that do not live long. */
const KILLS = 5
/** A connection without an answer or an end within this time, in ms, hangs: others are answered in some. */
const HANGS_MS = 20_000

function siteIn(folder: TempFolder, port: number): BerthSite {
  return { dataDir: join(folder.path, 'data'), port, logFile: join(folder.path, 'berth.log') }
}

/** Fate of one connection. */
type Outcome = 'answered' | 'closed' | 'hung'

/** Opens a connection, sends one request, and waits for the end of the connection. */
async function requestOnce(port: number): Promise<Outcome> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  socket.write('GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let text = ''
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece
  })
  // `once()` would fail with the connection.
  const { promise: ended, resolve } = Promise.withResolvers<Outcome>()
  socket.on('close', () => resolve(text.startsWith('HTTP/1.1 200 ') ? 'answered' : 'closed'))
  const late = new AbortController()
  const hung = sleep(HANGS_MS, 'hung' as const, { signal: late.signal }).catch(() => 'hung' as const)
  const outcome = await Promise.race([ended, hung])
  late.abort()
  socket.destroy()
  return outcome
}

/** Sockets that a process has open. */
async function countSockets(pid: number): Promise<number> {
  const fds = await readdir(`/proc/${pid}/fd`)
  const targets = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')))
  return targets.filter((target) => target.startsWith('socket:')).length
}

test('no connection hangs or stays open in the primary when workers are killed under load', async () => {
  await using folder = await makeTempFolder('lost')
  const site = siteIn(folder, await findFreePort())
  await using server = await startWorkers(site)
  const before = await countSockets(server.pid)
  const outcomes: Record<Outcome, number> = { answered: 0, closed: 0, hung: 0 }
  const load = { isOver: false }
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!load.isOver) outcomes[await requestOnce(site.port)]++
  })
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const answered = outcomes.answered
      await until(async () => outcomes.answered > answered + 3 * CLIENTS)
      const [oldest = 0] = await listChildren(server.pid)
      process.kill(oldest, 'SIGKILL')
      await until(async () => !(await isAlive(oldest)) && (await listChildren(server.pid)).length === 2)
    }
  } finally {
    load.isOver = true
  }
  await Promise.all(clients)
  assert.equal(outcomes.hung, 0, JSON.stringify(outcomes))
  await until(async () => (await countSockets(server.pid)) === before)
  assert.equal(await server.stop(), 0)
})

test('a worker that hangs is replaced, and gives its turns back', async () => {
  await using folder = await makeTempFolder('hung')
  const site = siteIn(folder, await findFreePort())
  const basic = await addAdministrator(site)
  await using server = await startWorkers(site)
  const authorization = await fetchToken(site, basic, ['hung/app'])
  using client = new RawClient(site.port, { authorization })
  const location = await openSession(client, 'hung/app')
  const sending = connect(site.port, '127.0.0.1').on('error', () => {})
  const { promise: cut, resolve: onCut } = Promise.withResolvers<void>()
  sending.on('close', () => onCut())
  const head = ['host: x', `authorization: ${authorization}`, 'expect: 100-continue', 'content-length: 1000']
  sending.write([`PATCH ${location} HTTP/1.1`, ...head, '', ''].join('\r\n'))
  await once(sending, 'data')
  const workers = await listChildren(server.pid)
  // The worker that writes to the session is among them.
  for (const pid of workers) process.kill(pid, 'SIGSTOP')
  await cut
  await until(async () => {
    const now = await listChildren(server.pid)
    return now.length === 2 && now.every((pid) => !workers.includes(pid))
  })
  using again = new RawClient(site.port, { authorization })
  await until(async () => {
    const answer = await again.send('PATCH', location, { body: Buffer.from('more') }).catch(() => undefined)
    return answer?.status === 202
  })
  await until(async () =>
    /a worker no longer answers: it is killed/.test(await readFile(site.logFile, 'utf8')),
  )
  assert.equal(await server.stop(), 0)
})

test('a SIGHUP that reaches all processes, as `pkill -HUP` sends it after a rotation, keeps the workers', async () => {
  await using folder = await makeTempFolder('workers')
  const site = siteIn(folder, await findFreePort())
  await addAdministrator(site)
  await using server = await startWorkers(site)
  const workers = await listChildren(server.pid)
  for (const pid of [...workers, server.pid]) process.kill(pid, 'SIGHUP')
  // An answer from each: a signal that ends a process would do so before.
  for (let turn = 0; turn < 2 * workers.length; turn++) assert.equal(await requestOnce(site.port), 'answered')
  assert.deepEqual(await listChildren(server.pid), workers)
})
