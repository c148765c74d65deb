import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startApp } from '../support/door/start-app.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Files that the server may open, and the connections that visitors try. */
const FILES = 256
const VISITORS = 300

/** The status of the answer to a request to `host`, 0 if the connection ends without one. */
function requestHost(port: number, host: string): { socket: Socket; status: Promise<number> } {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  let text = ''
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece
  })
  const { promise, resolve } = Promise.withResolvers<number>()
  socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)))
  return { socket, status: promise }
}

test('a server that may open few files answers 503 where none is left, and serves on', {
  timeout: 60_000,
}, async () => {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('files'))
  // It answers once all visitors have sent a request, so that each of them needs a connection to it.
  const release = Promise.withResolvers<void>()
  const app = resources.use(
    await startApp((_request, response) => void release.promise.then(() => response.end('hello'))),
  )
  const config = join(folder.path, 'berth.yaml')
  await writeFile(config, `sites: { app.example: { upstream: "http://127.0.0.1:${app.port}" } }`)
  const port = await findFreePort()
  const log = join(folder.path, 'berth.log')
  const flags = [
    ...[
      '--config',
      config,
      '--data',
      join(folder.path, 'data'),
      '--domain',
      'registry.example',
      '--acme',
      'off',
    ],
    ...['--docker-host', 'off', '--https-method', 'noredirect', '--listen-https', 'off'],
    ...['--listen-http', `127.0.0.1:${port}`],
  ]
  const output = openSync(log, 'a')
  const command = ['-c', `ulimit -n ${FILES}; exec "$@"`, 'sh', process.execPath, MAIN, 'serve', ...flags]
  const server = spawn('sh', command, { stdio: ['ignore', output, output] })
  closeSync(output)
  resources.defer(() => void server.kill('SIGKILL'))
  await until(async () => (await readFile(log, 'utf8')).includes('Berth serves'))
  const visitors = Array.from({ length: VISITORS }, () => requestHost(port, 'app.example'))
  const settled: number[] = []
  for (const { status } of visitors) void status.then((code) => settled.push(code))
  // Visitors without room have an answer or an end; the others wait for the application.
  await until(async () => settled.length > VISITORS / 3)
  release.resolve()
  const statuses = await Promise.all(visitors.map(({ status }) => status))
  const counts = new Map<number, number>()
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1)
  // A slow machine also cuts some connections off without an answer (0); a fast one refuses all of these with 503.
  counts.delete(0)
  assert.deepEqual(
    [...counts.keys()].toSorted((a, b) => a - b),
    [200, 503],
    JSON.stringify([...counts]),
  )
  assert.equal(await requestHost(port, 'app.example').status, 200)
  assert.equal(server.exitCode, null)
  const ended = once(server, 'exit')
  server.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
})
