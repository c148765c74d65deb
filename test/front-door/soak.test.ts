import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import { part, skipReason } from '../parts/find-parts.ts'
import { type StartedDaemon, startDockerd } from '../parts/start-dockerd.ts'
import { busyboxTree } from '../support/content/busybox.ts'
import { makeTar } from '../support/content/tar.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { type StartedProcess, startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'

/** Starts and stops of containers; 1,000 for a thorough run: `SOAK_ROUNDS=1000 npm run test:front-door`. */
const ROUNDS = Number(process.env.SOAK_ROUNDS ?? 200)
/** Bytes pushed meanwhile, in one blob. */
const PUSH_BYTES = Number(process.env.SOAK_PUSH_BYTES ?? 2 * 1024 ** 3)
const CONTAINERS = 8
const REGISTRY = 'registry.example.test'
const STEADY = 'steady.example.test'

const host = (index: number): string => `app${index}.example.test`

describe(`${ROUNDS} starts and stops of containers under load`, {
  skip: skipReason('docker', 'dockerd', 'busybox', 'ip', 'curl'),
  timeout: 1_800_000,
}, () => {
  const resources = new AsyncDisposableStack()
  let daemon: StartedDaemon
  let berth: StartedProcess
  let port = 0
  let data = ''
  let ca = ''
  let password = ''
  const docker = (...args: string[]): Promise<string> =>
    runOk(part('docker'), ['--host', `unix://${daemon.socket}`, ...args])

  before(async () => {
    const folder = resources.use(await makeTempFolder('soak')).path
    data = join(folder, 'data')
    daemon = await startDockerd({ hasBridge: true })
    resources.defer(() => daemon.stop())
    const tree = join(folder, 'tree.tar')
    await writeFile(tree, makeTar(busyboxTree()))
    await docker('import', tree, 'site:1')
    for (let index = 0; index < CONTAINERS; index++) {
      const serve = `echo -n ${host(index)} > /bin/index.html; exec /bin/busybox httpd -f -p 80 -h /bin`
      const variables = ['-e', `VIRTUAL_HOST=${host(index)}`, '-e', 'VIRTUAL_PORT=80']
      await docker(
        'create',
        '--name',
        `app${index}`,
        ...variables,
        'site:1',
        '/bin/busybox',
        'sh',
        '-c',
        serve,
      )
    }
    const upstream = await startUpstream()
    resources.defer(() => upstream.close())
    const config = join(folder, 'berth.yaml')
    await writeFile(config, `sites:\n  ${STEADY}: { upstream: http://127.0.0.1:${upstream.port} }\n`)
    password = randomBytes(12).toString('base64url')
    await runOk(BERTH_BIN, ['user', 'add', 'alice', '--new', '--password-stdin', '--data', data], {
      input: password,
    })
    port = await findFreePort()
    berth = await startProcess(BERTH_BIN, {
      args: [
        ...['serve', '--config', config, '--data', data, '--domain', REGISTRY, '--acme', 'off'],
        ...['--local-ca', 'all'],
        ...[
          '--listen-http',
          'off',
          '--listen-https',
          `127.0.0.1:${port}`,
          '--docker-host',
          `unix://${daemon.socket}`,
        ],
      ],
      logFile: join(folder, 'berth.log'),
      isReady: () => isListening(port),
    })
    resources.defer(async () => {
      await berth.stop()
    })
    ca = join(folder, 'ca.crt')
    await writeFile(ca, await runOk(BERTH_BIN, ['cert', 'ca', '--data', data]))
  })
  after(() => resources.disposeAsync())

  it('drops nothing of the other hosts, and the table is right at the end', async () => {
    const stop = new AbortController()
    const options = { servername: STEADY, headers: { host: STEADY }, rejectUnauthorized: false }
    const socket = new WebSocket(`wss://127.0.0.1:${port}/`, options)
    await once(socket, 'open')
    const talk = echo(socket, stop.signal)
    const load = requestRepeatedly(port, stop.signal)
    const push = pushBlob()
    const random = createTurns()
    const isUp = new Array<boolean>(CONTAINERS).fill(false)
    for (let round = 0; round < ROUNDS; round++) {
      const index = random() % CONTAINERS
      isUp[index] = !isUp[index]
      await docker(...(isUp[index] ? ['start', `app${index}`] : ['stop', '--time', '0', `app${index}`]))
    }
    await push
    stop.abort()
    const [echoes, answers] = await Promise.all([talk, load])
    assert.ok(echoes > 10, `only ${echoes} echoes`)
    assert.ok(answers > 100, `only ${answers} answers`)
    socket.terminate()
    for (let index = 0; index < CONTAINERS; index++) {
      const wanted = isUp[index] ? `200 ${host(index)}` : '503'
      await until(
        async () => (await requestName(port, host(index))) === wanted,
        `${host(index)} must answer ${wanted}`,
      )
    }
    const log = await berth.readLog()
    assert.doesNotMatch(log, /could not be served|"level":"error"/)
  })

  /** A blob of zeros pushed by one POST, as slowly as the machine is. */
  async function pushBlob(): Promise<void> {
    const url = `https://${REGISTRY}:${port}/v2/alice/soak/blobs/uploads/`
    const curl = [
      '--silent',
      '--show-error',
      '--fail',
      '--cacert',
      ca,
      '--resolve',
      `${REGISTRY}:${port}:127.0.0.1`,
    ]
    const user = ['--user', `alice:${password}`]
    const begun = await runOk('curl', [...curl, ...user, '-X', 'POST', '-D', '-', url])
    const location = /^location: (\S+)\r$/im.exec(begun)?.[1] ?? ''
    const sent = await runOk(
      'sh',
      [
        '-c',
        `head -c ${PUSH_BYTES} /dev/zero | curl ${[...curl, ...user].join(' ')} -T - -X PATCH -D - -H 'Content-Type: application/octet-stream' 'https://${REGISTRY}:${port}${location}'`,
      ],
      { timeoutMs: 1_200_000 },
    )
    assert.match(sent, /^HTTP\/1\.1 202 /m)
    assert.match(sent, new RegExp(`^range: 0-${PUSH_BYTES - 1}\\r$`, 'im'))
  }
})

/** A server behind the steady host: `ok`, and an echo over WebSocket. */
async function startUpstream(): Promise<{ port: number; close: () => void }> {
  const { createServer } = await import('node:http')
  const server = createServer((_request, response) => response.end('ok'))
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(String(text))))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return {
    port: address.port,
    close() {
      sockets.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Sends a text every 100 ms and waits for it to come back. @returns the number of echoes. */
async function echo(socket: WebSocket, signal: AbortSignal): Promise<number> {
  let count = 0
  while (!signal.aborted) {
    const said = `${count}`
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(30_000) })
    socket.send(said)
    assert.equal(String((await answer)[0]), said)
    count++
    await sleep(100)
  }
  return count
}

/** Sends requests to the steady host without a pause. @returns their number; any answer but "ok" fails. */
async function requestRepeatedly(port: number, signal: AbortSignal): Promise<number> {
  let count = 0
  while (!signal.aborted) {
    assert.equal(await requestName(port, STEADY), '200 ok')
    count++
    await sleep(5)
  }
  return count
}

/** Status and body; without a status of 200 the status alone. */
function requestName(port: number, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      servername: name,
      headers: { host: name },
      rejectUnauthorized: false,
    }
    const request = httpsRequest(options, async (response) => {
      let body = ''
      for await (const chunk of response) body += String(chunk)
      resolve(response.statusCode === 200 ? `200 ${body}` : String(response.statusCode))
    })
    request.on('error', reject)
    request.end()
  })
}

/** Numbers that look random and are the same in each run. */
function createTurns(): () => number {
  let state = 12_345
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor(state / 65_536)
  }
}
