import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findFreePort } from '../support/machine/free-port.ts'
import { runCommand } from '../support/machine/run-command.ts'
import { until } from '../support/machine/until.ts'
import { runCli } from '../support/program/run-cli.ts'
import { cleanEnvironment, serve, serveInto } from '../support/program/served-berth.ts'
import { basicLogin } from '../support/requests/basic-login.ts'
import { hashSha256 } from '../support/requests/push-content.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BERTH = path.join(ROOT, 'bin/berth')
const MAIN = path.join(ROOT, 'src/main.ts')
const folder = mkdtempSync(path.join(tmpdir(), 'berth-start-'))
after(() => rmSync(folder, { recursive: true }))

let folders = 0
const newDataDir = (): string => path.join(folder, `data-${++folders}`)

test('on a terminal the first password is shown once, and written nowhere', {
  skip: whyNoTerminal(),
}, async () => {
  const dataDir = newDataDir()
  const command = `${BERTH} serve --data ${dataDir} --listen-http 127.0.0.1:0`
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    ...{ stdio: ['pipe', 'pipe', 'inherit'], env: cleanEnvironment() },
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  await untilAdmin(dataDir)
  // Ctrl-C.
  child.stdin.write('\x03')
  await once(child, 'close')
  const password = /^ {4}password {2}(\S{16,})\r?$/m.exec(output)?.[1] ?? assert.fail(output)
  assert.equal(output.split(password).length, 2, 'the password stands there once')
  assert.equal(existsSync(path.join(dataDir, 'first-password')), false)
})

function whyNoTerminal(): string | false {
  return existsSync('/usr/bin/script') ? false : 'needs script, to have a terminal'
}

/** Waits until the account exists: it is made after its password was shown or kept. */
function untilAdmin(dataDir: string): Promise<void> {
  return until(
    async () => existsSync(path.join(dataDir, 'berth.db')) && (await listNames(dataDir)).includes('admin'),
  )
}

async function listNames(dataDir: string): Promise<string[]> {
  const { stdout } = await runCli(['user', 'list', '--json', '--data', dataDir])
  return (JSON.parse(stdout || '{"users":[]}') as { users: { name: string }[] }).users.map(({ name }) => name)
}

test('a server whose standard output is on a full disk serves, and the first password is kept', async () => {
  const dataDir = newDataDir()
  await using server = await serveInto('/dev/full', dataDir)
  const password = readFileSync(path.join(dataDir, 'first-password'), 'utf8').trim()
  const selftest = ['selftest', server.url, '--username', 'admin', '--password-stdin']
  assert.equal((await runCli(selftest, { stdin: password })).code, 0)
  server.child.kill('SIGTERM')
  assert.equal(await server.ended, 0)
})

test('an administrator whose password cannot be kept is not made, and the next start makes one', async () => {
  const dataDir = newDataDir()
  const file = path.join(dataDir, 'first-password')
  mkdirSync(file, { recursive: true })
  const server = await serve(dataDir)
  assert.match(server.output(), /no administrator was made: .*first-password cannot be written/)
  server.child.kill('SIGTERM')
  assert.equal(await server.ended, 0)
  assert.deepEqual(await listNames(dataDir), [])
  rmdirSync(file)
  await using _again = await serve(dataDir)
  await untilAdmin(dataDir)
  assert.ok(readFileSync(file, 'utf8').length > 16)
})

for (const workers of ['1', '2']) {
  test(`all that a start says is there before the first answer, with --workers ${workers}`, async () => {
    const dataDir = newDataDir()
    await using server = await serveInto(`${dataDir}.log`, dataDir, '--workers', workers)
    assert.match(server.output(), /Berth serves [\s\S]*docker push [\s\S]*-{72}\n/)
    server.child.kill('SIGTERM')
    assert.equal(await server.ended, 0)
  })
}

test('a start that hangs in the system, and one whose worker hangs, end at the first SIGTERM', async () => {
  const dataDir = newDataDir()
  mkdirSync(dataDir)
  // Opening a pipe without a writer never returns.
  await runCommand('mkfifo', [path.join(dataDir, 'berth.db')])
  const hanging = spawn(
    process.execPath,
    [MAIN, 'serve', '--data', dataDir, '--listen-http', '127.0.0.1:0'],
    {
      ...{ stdio: 'ignore', env: cleanEnvironment() },
    },
  )
  const ended = once(hanging, 'exit')
  // Taken just before.
  await until(() => existsSync(path.join(dataDir, 'server.lock')))
  hanging.kill('SIGTERM')
  assert.deepEqual(await ended, [null, 'SIGTERM'])

  const flags = ['--data', newDataDir(), '--listen-http', '127.0.0.1:0', '--workers', '2']
  const server = spawn(process.execPath, [MAIN, 'serve', ...flags], {
    stdio: 'ignore',
    env: cleanEnvironment(),
  })
  const exit = once(server, 'exit')
  let workers: string[] = []
  while (workers.length < 2) {
    const { stdout } = await runCommand('pgrep', ['-P', String(server.pid)])
    workers = stdout.split('\n').filter(Boolean)
  }
  for (const pid of workers) process.kill(Number(pid), 'SIGSTOP')
  server.kill('SIGTERM')
  assert.deepEqual(await exit, [143, null])
  for (const pid of workers) await until(() => !existsSync(`/proc/${pid}`))
})

test('SIGUSR1 opens no debugger, and logs anew; SIGQUIT drains', async () => {
  await using server = await serve(newDataDir(), '--workers', '2')
  const { stdout } = await runCommand('pgrep', ['-P', String(server.child.pid)])
  for (const pid of [server.child.pid, ...stdout.split('\n').filter(Boolean)])
    process.kill(Number(pid), 'SIGUSR1')
  for (let turn = 0; turn < 4; turn++) assert.equal((await fetch(`${server.url}/livez`)).status, 200)
  server.child.kill('SIGQUIT')
  assert.equal(await server.ended, 0)
  assert.doesNotMatch(server.output(), /[Dd]ebugger/)
  assert.match(server.output(), /"signal":"SIGQUIT","msg":"stopping"/)
})

test('npm start passes SIGTERM on', async () => {
  const dataDir = newDataDir()
  const port = await findFreePort()
  const env = { ...cleanEnvironment(), BERTH_DATA: dataDir, BERTH_LISTEN_HTTP: `127.0.0.1:${port}` }
  const npm = spawn('npm', ['start'], { cwd: ROOT, stdio: 'ignore', env })
  const ended = once(npm, 'exit')
  while (!(await fetch(`http://127.0.0.1:${port}/livez`).catch(() => undefined))?.ok) await sleep(20)
  npm.kill('SIGTERM')
  await ended
  while ((await fetch(`http://127.0.0.1:${port}/livez`).catch(() => undefined)) !== undefined) await sleep(20)
})

test('what a server makes is for its owner alone, and a data folder that is not is warned of', async () => {
  const dataDir = newDataDir()
  mkdirSync(dataDir)
  chmodSync(dataDir, 0o755)
  const umask = process.umask(0)
  const server = await serve(dataDir)
  process.umask(umask)
  assert.match(
    server.output(),
    new RegExp(`"level":"warn".*"paths":\\["${dataDir}"\\],"cure":"chmod -R go= ${dataDir}"`),
  )
  const password = readFileSync(path.join(dataDir, 'first-password'), 'utf8').trim()
  const { port } = new URL(server.url)
  const authorization = basicLogin('admin', password)
  const digest = hashSha256(Buffer.from('bytes'))
  const headers = { authorization, 'content-type': 'application/octet-stream' }
  const uploads = `http://127.0.0.1:${port}/v2/admin/app/blobs/uploads/`
  assert.equal(
    (await fetch(`${uploads}?digest=${digest}`, { method: 'POST', headers, body: 'bytes' })).status,
    201,
  )
  const wide = readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((name) => (statSync(name).mode & 0o077) !== 0)
  assert.deepEqual(wide, [])
  server.child.kill('SIGTERM')
  assert.equal(await server.ended, 0)
  chmodSync(dataDir, 0o700)
  const again = await serve(dataDir)
  assert.doesNotMatch(again.output(), /other users of this machine/)
  again.child.kill('SIGTERM')
  assert.equal(await again.ended, 0)
})
