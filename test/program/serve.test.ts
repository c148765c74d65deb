import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Socket, connect as tcpConnect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { serversElsewhere } from '../../src/app/data/require-data.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { runCommand } from '../support/machine/run-command.ts'
import { makeDataFolder } from '../support/program/new-data.ts'
import { runCli } from '../support/program/run-cli.ts'
import { cleanEnvironment, type ServedBerth, serve } from '../support/program/served-berth.ts'

const BERTH = fileURLToPath(new URL('../../bin/berth', import.meta.url))
const folder = mkdtempSync(path.join(tmpdir(), 'berth-serve-'))
after(() => rmSync(folder, { recursive: true }))

let folders = 0
const newDataDir = (): string => path.join(folder, `data-${++folders}`)

test('the first start keeps the password in a file of its owner, the second keeps everything', async () => {
  const dataDir = newDataDir()
  const first = await serve(dataDir)
  const file = path.join(dataDir, 'first-password')
  const password = readFileSync(file, 'utf8').trim()
  assert.match(password, /^\S{16,}$/)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.match(first.output(), new RegExp(`^ {4}password {2}in ${file}$`, 'm'))
  assert.match(first.output(), new RegExp(`"file":"${file}","msg":"the administrator `))
  const host = first.url.slice('http://'.length)
  assert.match(first.output(), new RegExp(`^ {4}docker login ${host} --username admin$`, 'm'))
  assert.match(first.output(), new RegExp(`^ {4}docker tag IMAGE ${host}/admin/IMAGE$`, 'm'))
  const selftest = ['selftest', first.url, '--username', 'admin', '--password-stdin']
  const tested = await runCli(selftest, { stdin: password })
  assert.deepEqual([tested.code, tested.stderr], [0, ''])
  assert.match(tested.stdout, /^ok +pull layer +[\d.]+ ms$/m)
  first.child.kill('SIGTERM')
  assert.equal(await first.ended, 0)
  assert.ok(!first.output().includes(password), 'the password went into the log')

  const second = await serve(dataDir)
  assert.doesNotMatch(second.output(), /password/)
  const json = await runCli([...selftest.with(1, second.url), '--json'], { stdin: password })
  const result = JSON.parse(json.stdout) as { ok: boolean; steps: { name: string; ok: boolean }[] }
  assert.equal(result.ok, true)
  assert.ok(result.steps.length > 8 && result.steps.every((step) => step.ok))
  second.child.kill('SIGINT')
  assert.equal(await second.ended, 0)
  const changed = await runCli(['user', 'passwd', 'admin', '--password-stdin', '--data', dataDir], {
    stdin: 'correct horse battery',
  })
  assert.equal(changed.code, 0)
  assert.equal(existsSync(file), false, 'a password that no longer counts was kept')
})

test('serve --json tells programs the address and where the first password is', async () => {
  await using server = await serve(newDataDir(), '--json', '--log-level', 'warn')
  const { urls, firstAdmin } = JSON.parse(server.output())
  assert.equal(urls[0], server.url)
  assert.deepEqual(Object.keys(firstAdmin), ['name', 'passwordFile'])
})

test('SIGHUP does not end a server without a log to open anew', async () => {
  await using server = await serve(newDataDir())
  server.child.kill('SIGHUP')
  const { status } = await fetch(`${server.url}/livez`)
  assert.equal(status, 200)
  server.child.kill('SIGTERM')
  assert.equal(await server.ended, 0)
})

test('a second signal does not wait for requests under way', async () => {
  const dataDir = newDataDir()
  const { code } = await runCli(['user', 'add', 'alice', '--new', '--password-stdin', '--data', dataDir], {
    stdin: 'correct horse battery',
  })
  assert.equal(code, 0)
  await using server = await serve(dataDir)
  const socket = await beginUpload(server.url, 'alice:correct horse battery')
  server.child.kill('SIGTERM')
  await waitForOutput(server, /"msg":"stopping"/)
  // Within half a second it would be the same one.
  await sleep(700)
  server.child.kill('SIGTERM')
  assert.equal(await server.ended, 143)
  socket.destroy()
})

test('one Ctrl-C that reaches it twice, as under npm, lets requests under way end', async () => {
  const dataDir = newDataDir()
  const { code } = await runCli(['user', 'add', 'alice', '--new', '--password-stdin', '--data', dataDir], {
    stdin: 'correct horse battery',
  })
  assert.equal(code, 0)
  await using server = await serve(dataDir)
  const socket = await beginUpload(server.url, 'alice:correct horse battery')
  server.child.kill('SIGINT')
  await sleep(50)
  server.child.kill('SIGINT')
  const answer = Promise.race([once(socket, 'data'), once(socket, 'close')])
  socket.write(Buffer.alloc(1000))
  assert.match(String((await answer)[0]), /^HTTP\/1.1 400 .*DIGEST_INVALID/s, 'the whole body was read')
  assert.equal(await server.ended, 0)
})

/** Begins a request that does not end; settles once the server has begun to read it. */
async function beginUpload(url: string, credentials: string): Promise<Socket> {
  const { hostname, port, host } = new URL(url)
  const socket = tcpConnect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(
    `POST /v2/alice/app/blobs/uploads/?digest=sha256:${'0'.repeat(64)} HTTP/1.1\r\nHost: ${host}\r\n` +
      `Authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n` +
      'Content-Type: application/octet-stream\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n',
  )
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1.1 100 /)
  return socket
}

async function waitForOutput(server: ServedBerth, pattern: RegExp): Promise<void> {
  while (!pattern.test(server.output())) await once(server.child.stdout ?? server.child, 'data')
}

/** Runs `berth serve`, which must fail to start. */
async function failToServe(dataDir: string, ...flags: string[]) {
  const args = ['serve', '--data', dataDir, ...flags]
  return await runCommand(BERTH, args, { env: cleanEnvironment(), timeoutMs: 20_000 })
}

test('a port that is taken is one clear line', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const dataDir = newDataDir()
  const { code, stdout, stderr } = await failToServe(dataDir, '--listen-http', `127.0.0.1:${port}`)
  server.close()
  assert.equal(existsSync(dataDir), false, 'a first start that fails leaves no second data folder')
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^error\[PORT_IN_USE\]: [^\n]+ Stop [^\n]+\n$/)
})

test('a data folder that is served already is one clear line', async () => {
  const dataDir = newDataDir()
  await using _server = await serve(dataDir)
  const { code, stderr } = await failToServe(dataDir, '--listen-http', '127.0.0.1:0')
  assert.equal(code, 1)
  assert.match(stderr, /^error\[DATA_IN_USE\]: [^\n]+\n$/)
})

test('a data folder that cannot be written to is one clear line', async () => {
  const file = path.join(folder, 'plain-file')
  writeFileSync(file, '')
  const { code, stderr } = await failToServe(path.join(file, 'data'))
  assert.equal(code, 1)
  assert.match(stderr, /^error\[DATA_NOT_WRITABLE\]: [^\n]+\n$/)
})

test('a database of a newer version is one clear line', async () => {
  const dataDir = newDataDir()
  await makeDataFolder(dataDir)
  const database = new DatabaseSync(path.join(dataDir, 'berth.db'))
  database.exec("insert into kysely_migration values ('999-later', '2030-01-01T00:00:00Z')")
  database.close()
  for (const command of ['serve', 'user list']) {
    const { code, stderr } = await runCommand(BERTH, [...command.split(' '), '--data', dataDir], {
      env: cleanEnvironment(),
    })
    assert.equal(code, 1)
    assert.match(stderr, /^error\[SCHEMA_TOO_NEW\]: [^\n]+999-later[^\n]+\n$/)
  }
})

test('plain HTTP beyond loopback is refused', async () => {
  const { code, stderr } = await failToServe(newDataDir(), '--listen-http', '0.0.0.0:0')
  assert.equal(code, 1)
  assert.match(stderr, /^error\[PLAIN_HTTP_REFUSED\]: [^\n]+--insecure-http[^\n]+\n$/)
})

const NEEDS_PROC = { skip: existsSync('/proc/self/fd') ? false : 'only Linux shows what runs' }

test('a command on another folder names the server that runs', NEEDS_PROC, async () => {
  const dataDir = newDataDir()
  await using server = await serve(dataDir)
  const found = (await serversElsewhere(newDataDir())).find((one) => one.dataDir === dataDir)
  assert.deepEqual(found, { pid: server.child.pid, dataDir, isInContainer: false })
  assert.ok(!(await serversElsewhere(dataDir)).some((one) => one.dataDir === dataDir), 'it is not elsewhere')
  const { stderr } = await runCli(['user', 'list'], { cwd: folder })
  assert.match(
    stderr,
    /^error\[DATA_NOT_FOUND\]: .*, but a Berth runs on this machine \(process \d+\) with the data folder \/.* Give --data \//,
  )
})

test('commands work while the server runs', async () => {
  const dataDir = newDataDir()
  await using server = await serve(dataDir)
  const berth = (args: string, stdin?: string) =>
    runCli([...args.split(' '), '--data', dataDir], stdin === undefined ? {} : { stdin })
  await berth('user add alice --password-stdin', 'correct horse battery')
  const login = ['selftest', server.url, '--username', 'alice', '--password-stdin']
  assert.equal((await runCli(login, { stdin: 'correct horse battery' })).code, 0)
  await berth('user disable alice')
  const refused = await runCli(login, { stdin: 'correct horse battery' })
  assert.equal(refused.code, 1)
  assert.match(refused.stdout, /^FAILED {2}log in /)
  assert.match(refused.stderr, /^error\[SELFTEST_FAILED\]: The step "log in" failed: [^\n]+\n$/)
})

test('a selftest against nothing tells so', async () => {
  const address = `127.0.0.1:${await findFreePort()}`
  const { code, stderr } = await runCli(['selftest', '--username', 'a', '--password-stdin'], {
    stdin: 'x',
    env: { BERTH_LISTEN_HTTP: address },
  })
  assert.equal(code, 1)
  assert.match(
    stderr,
    new RegExp(`^error\\[SELFTEST_FAILED\\]: .*http://${address} cannot be reached \\(ECONNREFUSED\\)\\.`),
  )
})
