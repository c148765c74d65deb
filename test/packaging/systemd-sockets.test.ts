import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { isAlive, listChildren } from '../workers/worker-site.ts'
import { SocketHolder } from './socket-holder.ts'

const DOMAIN = 'registry.localhost'
/** Clients that send one request after another, each on a connection of its own. */
const CLIENTS = 8
/** Stops of the server, each with a start after it. */
const ROUNDS = 3
/** Longest wait for an answer, in ms: a connection waits in the socket while the server starts. */
const ANSWER_TIMEOUT_MS = 60_000

/** Flags of a front door on the two sockets, with a certificate of its own CA. */
function doorFlags(dataDir: string, workers: string): string[] {
  const listen = ['--listen-http', ':PORT0', '--listen-https', ':PORT1']
  return ['--new', '--data', dataDir, '--domain', DOMAIN, ...listen, '--workers', workers]
}

/** Status of an answer on a new connection. Errors: it was refused or cut. */
function fetchOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/v2/', servername: DOMAIN, agent: false }
    const headers = { host: DOMAIN }
    const sent = request({ ...options, headers, rejectUnauthorized: false, timeout: ANSWER_TIMEOUT_MS })
    sent.on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')))
    sent.on('error', reject).end()
  })
}

for (const workers of ['1', '2']) {
  test(`a server that starts anew on the sockets of systemd refuses no connection (workers: ${workers})`, async () => {
    await using folder = await makeTempFolder('systemd-sockets')
    const logFile = join(folder.path, 'log')
    const flags = doorFlags(join(folder.path, 'data'), workers)
    await using systemd = await SocketHolder.open('berth.socket:berth.socket', logFile, flags)
    const [, https = 0] = systemd.ports
    const state = { isOver: false, answers: 0 }
    const faults: string[] = []
    const client = async (): Promise<void> => {
      while (!state.isOver) {
        try {
          assert.equal(await fetchOnce(https), 401)
          state.answers++
        } catch (error) {
          state.isOver = true
          faults.push(String(error))
        }
        await sleep(5)
      }
    }
    // A failed check must not leave the clients running.
    await using over = new AsyncDisposableStack()
    over.defer(() => {
      state.isOver = true
    })
    // The first ones come before there is a server.
    const clients = Array.from({ length: CLIENTS }, client)
    await systemd.start()
    for (let round = 0; round < ROUNDS; round++) {
      const before = state.answers
      await until(async () => state.answers > before + 10 * CLIENTS || faults.length > 0)
      assert.deepEqual(faults, [])
      assert.equal(await systemd.stop(), 0)
      // Connections gather.
      await sleep(200)
      await systemd.start()
    }
    const before = state.answers
    await until(async () => state.answers > before + CLIENTS || faults.length > 0)
    state.isOver = true
    await Promise.all(clients)
    assert.deepEqual(faults, [], (await readFile(logFile, 'utf8')).slice(-2_000))
    assert.equal(await systemd.stop(), 0)
  })
}

test('a server ends when it has lost the sockets of systemd with its workers, so that systemd starts it anew', async () => {
  await using folder = await makeTempFolder('systemd-sockets')
  const flags = doorFlags(join(folder.path, 'data'), '2')
  await using systemd = await SocketHolder.open('http:https', join(folder.path, 'log'), flags)
  const [, https = 0] = systemd.ports
  const pid = await systemd.start()
  assert.equal(await fetchOnce(https), 401)
  await until(async () => (await listChildren(pid)).length === 2)
  const both = await listChildren(pid)
  process.kill(pid, 'SIGSTOP')
  for (const worker of both) process.kill(worker, 'SIGKILL')
  for (const worker of both) await until(async () => !(await isAlive(worker)))
  process.kill(pid, 'SIGCONT')
  assert.equal(await systemd.ended(), 1)
  assert.match(await readFile(join(folder.path, 'log'), 'utf8'), /with it the sockets of systemd/)
  await systemd.start()
  assert.equal(await fetchOnce(https), 401)
  assert.equal(await systemd.stop(), 0)
})

test('a socket of systemd where no listener is set, and one that would send passwords in the clear, end the start', async () => {
  await using folder = await makeTempFolder('systemd-sockets')
  const logFile = join(folder.path, 'log')
  const run = async (names: string, flags: string[]): Promise<string> => {
    await using systemd = await SocketHolder.open(names, logFile, ['--new', '--data', folder.path, ...flags])
    await systemd.start()
    assert.equal(await systemd.ended(), 1)
    return readFile(logFile, 'utf8')
  }
  assert.match(await run('one:two', ['--listen-http', '127.0.0.1:9']), /error\[PASSED_SOCKET_UNUSABLE\]/)
  // The socket is on all addresses, the setting only on this machine.
  assert.match(await run('web', ['--listen-http', '127.0.0.1:PORT0']), /error\[PLAIN_HTTP_REFUSED\]/)
})
