import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startApp } from '../support/door/start-app.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BerthProcess } from '../support/program/berth-process.ts'

const MB = 1_000_000
const FILES = 'files.localhost'
const OTHER = 'other.localhost'
/** Connections, and the unread answers of each. */
const CONNECTIONS = 50
const ANSWERS = 127
/** Clients of HTTP/1.1 that read nothing. Each makes the system keep some MB, so their number is small. */
const SLOW_READERS = 150
/** Requests by which a percentile is measured, and how many measurements may be made. */
const REQUESTS = 400
const ROUNDS = 6

const skip = process.platform === 'linux' ? false : 'reads memory in /proc'

describe('answers that nobody reads', { skip, timeout: 120_000 }, () => {
  it('take little memory and no time of others, and are ended, over HTTP/2', async () => {
    await using site = await startSite()
    // What else the machine does slows the requests to both, which are made in turn.
    await using quiet = await startSite()
    await measureP99s([site.port, quiet.port])
    const before = await readMemory(site.berth)
    const sessions = await Promise.all(Array.from({ length: CONNECTIONS }, () => openUnread(site.tlsPort)))
    await untilOpened(sessions)
    const peak = await readPeak(site.berth)
    assert.ok(peak - before < 100 * MB, `${(peak - before) / MB} MB`)
    const ratio = await leastRatio(site.port, quiet.port)
    assert.ok(ratio < 2, `${ratio} times the time of a server without unread answers`)
    // Most of them make others of their own connections wait.
    await untilLogged(site.logFile, /did not read were ended/)
    // Memory of ended answers is collected after others have taken their place.
    const after = await readPeak(site.berth)
    assert.ok(after - before < 150 * MB, `${(after - before) / MB} MB at the end`)
  })

  it('take little memory over HTTP/1.1', async () => {
    await using site = await startSite()
    await measureP99s([site.port])
    const before = await readMemory(site.berth)
    const sockets = await Promise.all(Array.from({ length: SLOW_READERS }, () => requestUnread(site.port)))
    // A time in which the first chunks of all are read, however busy the machine is.
    await measureP99s([site.port])
    await measureP99s([site.port])
    const peak = await readPeak(site.berth)
    assert.ok(peak - before < 60 * MB, `${(peak - before) / MB} MB`)
    for (const socket of sockets) socket.destroy()
  })
})

interface UnreadSite extends AsyncDisposable {
  readonly berth: BerthProcess
  readonly port: number
  readonly tlsPort: number
  readonly logFile: string
}

/** One host with a large file, and another whose application answers at once. */
async function startSite(): Promise<UnreadSite> {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('unread'))
  await writeFile(join(folder.path, 'large'), randomBytes(16 * MB))
  const app = resources.use(await startApp((_request, response) => response.end('hello')))
  const config = join(folder.path, 'berth.yaml')
  await writeFile(
    config,
    `sites:\n  ${FILES}: { files: ${folder.path} }\n  ${OTHER}: { upstream: ${app.url} }\n`,
  )
  const [port, tlsPort] = [await findFreePort(), await findFreePort()]
  const logFile = join(folder.path, 'berth.log')
  const flags = [
    '--config',
    config,
    '--domain',
    'registry.example',
    '--acme',
    'off',
    '--local-ca',
    'all',
    '--docker-host',
    'off',
  ]
  const berth = resources.use(
    await BerthProcess.start({
      dataDir: join(folder.path, 'data'),
      port,
      logFile,
      flags: [...flags, '--https-method', 'noredirect', '--listen-https', `127.0.0.1:${tlsPort}`],
    }),
  )
  const kept = resources.move()
  return { berth, port, tlsPort, logFile, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** A session with requests whose answers are not read. */
async function openUnread(port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { servername: FILES, rejectUnauthorized: false })
  session.on('error', ignore)
  await once(session, 'remoteSettings')
  for (let count = 0; count < ANSWERS; count++) {
    session.request({ ':path': '/large', ':authority': FILES }).on('error', ignore)
  }
  return session
}

/** Waits until the server has opened all streams: a ping is answered once all that was sent before it has been seen. */
async function untilOpened(sessions: readonly ClientHttp2Session[]): Promise<void> {
  const pong = (session: ClientHttp2Session): Promise<void> =>
    new Promise((resolve) => {
      if (session.destroyed || !session.ping(() => resolve())) resolve()
    })
  await Promise.all(sessions.map(pong))
}

function untilLogged(logFile: string, pattern: RegExp): Promise<void> {
  return until(async () => pattern.test(await readFile(logFile, 'utf8')), `${pattern} is not logged`)
}

async function requestUnread(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', ignore)
  socket.pause()
  await once(socket, 'connect')
  socket.write(`GET /large HTTP/1.1\r\nHost: ${FILES}\r\n\r\n`)
  return socket
}

/** Times of the first server in those of the second, the least of some measurements. Ends early below 2. */
async function leastRatio(port: number, reference: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS && least >= 2; round++) {
    const [p99 = Number.NaN, referenceP99 = Number.NaN] = await measureP99s([port, reference])
    least = Math.min(least, p99 / referenceP99)
  }
  return least
}

/** The 99th percentile of times of requests to each of some servers, in milliseconds. The servers take turns. */
async function measureP99s(ports: readonly number[]): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const times = ports.map((): number[] => [])
  for (let count = 0; count < REQUESTS; count++) {
    for (const [index, port] of ports.entries()) times[index]?.push(await measureRequest(port, agent))
  }
  agent.destroy()
  return times.map((each) => each.sort((a, b) => a - b)[Math.floor(REQUESTS * 0.99)] ?? Number.NaN)
}

async function measureRequest(port: number, agent: Agent): Promise<number> {
  const startedAt = performance.now()
  await new Promise<void>((resolve, reject) => {
    get({ port, path: '/', agent, headers: { host: OTHER } }, (response) => {
      assert.equal(response.statusCode, 200)
      response.resume().once('end', resolve)
    }).once('error', reject)
  })
  return performance.now() - startedAt
}

/** Resident memory in bytes; the write here makes the system count the peak anew. */
async function readMemory({ pid }: BerthProcess): Promise<number> {
  await writeFile(`/proc/${pid}/clear_refs`, '5')
  return readStatus(pid, 'VmRSS')
}

function readPeak({ pid }: BerthProcess): Promise<number> {
  return readStatus(pid, 'VmHWM')
}

async function readStatus(pid: number, name: string): Promise<number> {
  const [, kib] =
    new RegExp(`${name}:\\s+(\\d+) kB`).exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) * 1024
}

function ignore(): void {}
