import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Status } from '../../src/app/status/read-status.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { addAdministrator } from '../support/program/berth-process.ts'
import { runCli } from '../support/program/run-cli.ts'
import { serve } from '../support/program/served-berth.ts'
import { openSession, pushBlob } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const REPOSITORY = 'root/app'
const MIB = 1024 * 1024

/** Longest wait for a fact to show, in milliseconds. */
const SHOWN_MS = 10_000

async function readStatus(dataDir: string): Promise<Status> {
  const { code, stdout, stderr } = await runCli(['status', '--json', '--data', dataDir])
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as Status
}

/** Sends the first MiB of two, and waits; `finish` sends the rest. */
async function beginPush(port: number, path: string, authorization: string) {
  const headers = { authorization, 'content-length': 2 * MIB, 'content-type': 'application/octet-stream' }
  const patch = request({ host: '127.0.0.1', port, path, method: 'PATCH', headers })
  patch.on('error', () => {})
  patch.write(Buffer.alloc(MIB))
  return async (): Promise<number | undefined> => {
    patch.end(Buffer.alloc(MIB))
    const [response] = await once(patch, 'response')
    response.resume()
    return response.statusCode
  }
}

for (const [workers, parent] of [
  [1, 'short'],
  [2, 'short'],
  [1, 'long-path-'.repeat(12)],
] as const) {
  test(`berth status shows a push under way, with ${workers} processes, in a folder of ${parent.length} characters`, async () => {
    await using folder = await makeTempFolder('status')
    await mkdir(join(folder.path, parent))
    const dataDir = join(folder.path, parent, 'data')
    const authorization = await addAdministrator({ dataDir, port: 0, logFile: join(folder.path, 'log') })
    await using berth = await serve(dataDir, '--workers', String(workers))
    const port = Number(new URL(berth.url).port)
    await using client = new RawClient(port, { authorization })
    await pushBlob(client, REPOSITORY, Buffer.from('a layer'))
    const finish = await beginPush(port, await openSession(client, REPOSITORY), authorization)
    const until = performance.now() + SHOWN_MS
    let status = await readStatus(dataDir)
    while ((status.server?.transfers[0]?.bytes ?? 0) < MIB && performance.now() < until) {
      await sleep(50)
      status = await readStatus(dataDir)
    }
    const { server, data } = status
    assert.ok(server)
    assert.equal((await stat(join(dataDir, 'status.sock'))).mode & 0o777, 0o600)
    assert.deepEqual(server.urls, [berth.url])
    assert.equal(server.workers, workers)
    assert.equal(server.silent, 0)
    assert.ok(server.totalRequests >= 2)
    assert.ok(data.disks.length > 0)
    const [push, ...others] = server.transfers
    assert.deepEqual(others, [])
    assert.equal(push?.repository, REPOSITORY)
    assert.deepEqual([push?.user, push?.direction, push?.client], ['root', 'push', '127.0.0.1'])
    assert.deepEqual([push?.bytes, push?.expectedBytes], [MIB, 2 * MIB])
    const screen = await runCli(['status', '--data', dataDir])
    assert.match(screen.stdout, /push +root +root\/app +127\.0\.0\.1 +\[#{10}\.{10}\] 50 % of 2\.00 MiB/)
    assert.equal(await finish(), 202)
    const ended = performance.now() + SHOWN_MS
    while ((await readStatus(dataDir)).server?.transfers.length !== 0) {
      assert.ok(performance.now() < ended, 'the push is over, and still shown')
      await sleep(50)
    }
    const top = JSON.parse((await runCli(['top', '--json', '--data', dataDir])).stdout)
    assert.equal(top.top[0].name, REPOSITORY)
    assert.ok(top.top[0].bytesPerSecond > 0)
    const byClient = await runCli(['top', '--by', 'client', '--data', dataDir])
    assert.match(byClient.stdout, /^127\.0\.0\.1 /m)
  })
}

test('berth status says that no server runs, also after one was killed, and sees the next one', async () => {
  await using folder = await makeTempFolder('status')
  const dataDir = join(folder.path, 'data')
  const missing = await runCli(['status', '--data', dataDir])
  assert.match(missing.stderr, /^error\[DATA_NOT_FOUND\]/)
  {
    await using berth = await serve(dataDir)
    assert.ok((await readStatus(dataDir)).server)
    berth.child.kill('SIGKILL')
    await berth.ended
  }
  assert.ok((await stat(join(dataDir, 'status.sock'))).isSocket())
  const { code, stdout, stderr } = await runCli(['status', '--data', dataDir])
  assert.equal(code, 1)
  assert.match(stdout, /^No server answers[\s\S]*Last start[\s\S]*Disk/)
  assert.match(stderr, /^error\[NO_SERVER\]/)
  assert.equal((await runCli(['top', '--data', dataDir])).code, 1)
  assert.equal((await runCli(['top', '--by', 'sites', '--data', dataDir])).code, 2)
  await using again = await serve(dataDir)
  assert.deepEqual((await readStatus(dataDir)).server?.urls, [again.url])
})

test('the status socket takes no other word, and no long one', async () => {
  await using folder = await makeTempFolder('status')
  const dataDir = join(folder.path, 'data')
  await using _berth = await serve(dataDir)
  for (const words of ['stop\n', 'x'.repeat(100_000), 'activity']) {
    const socket = connect(join(dataDir, 'status.sock'))
    let answer = ''
    socket.on('data', (chunk) => {
      answer += String(chunk)
    })
    socket.on('error', () => {})
    socket.end(words)
    await new Promise((resolve) => socket.once('close', resolve))
    assert.equal(answer, '', words.slice(0, 20))
  }
  assert.ok((await readStatus(dataDir)).server)
})

test('berth status shows the running server also if the database cannot be read', async () => {
  await using folder = await makeTempFolder('status')
  const dataDir = join(folder.path, 'data')
  await using berth = await serve(dataDir)
  // A port on which no database listens.
  const env = { BERTH_DATABASE: 'postgres://berth@127.0.0.1:1/berth' }
  const screen = await runCli(['status', '--data', dataDir], { env })
  assert.equal(screen.code, 0, screen.stderr)
  assert.match(screen.stdout, /Listens on +http[\s\S]*Database +cannot be read: \S/)
  assert.doesNotMatch(screen.stdout, /Last backup/)
  const { stdout } = await runCli(['status', '--json', '--data', dataDir], { env })
  const { server, data } = JSON.parse(stdout) as Status
  assert.deepEqual(server?.urls, [berth.url])
  assert.ok(data.databaseProblem)
  assert.equal((await readStatus(dataDir)).data.databaseProblem, undefined)
})

test('a file that is no database is named by status, with the remedy', async () => {
  await using folder = await makeTempFolder('status')
  await writeFile(join(folder.path, 'berth.db'), 'no database'.repeat(1_000))
  const { code, stderr } = await runCli(['status', '--data', folder.path])
  assert.equal(code, 1)
  assert.match(stderr, /^error\[DATABASE_UNUSABLE\]: \S+\/berth\.db is no database/)
})

/** Connects as another user. @returns the code of the failure, or "connected". */
async function connectAs(uid: number, path: string): Promise<string> {
  const script =
    "require('node:net').connect(process.argv[1]).on('error', (e) => { console.log(e.code) }).on('connect', () => { console.log('connected'); process.exit() })"
  const child = spawn(process.execPath, ['-e', script, path], { uid, gid: uid, cwd: '/', env: {} })
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += String(chunk)
  })
  await once(child, 'close')
  return said.trim()
}

/** Reads the report as another user. @returns the code and the path of the failure. */
async function readAs(uid: number, dataDir: string): Promise<string> {
  const module = new URL('../../src/app/status/status-socket.ts', import.meta.url).href
  const script = `const { readServerReport } = await import(process.argv[1])
    process.setgid(${uid})
    process.setuid(${uid})
    await readServerReport(process.argv[2], 'activity').catch((e) => console.log(e.code, e.path))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, module, dataDir])
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += String(chunk)
  })
  await once(child, 'close')
  return said.trim()
}

const skip = process.getuid?.() === 0 ? false : 'only root can take the place of another user'

test('another user of the machine cannot read the status socket, even where the data folder is open', {
  skip,
}, async () => {
  await using folder = await makeTempFolder('status')
  const dataDir = join(folder.path, 'data')
  await using _berth = await serve(dataDir)
  const path = join(dataDir, 'status.sock')
  assert.equal(await connectAs(65_534, path), 'EACCES')
  await chmod(folder.path, 0o755)
  await chmod(dataDir, 0o755)
  assert.equal(await connectAs(65_534, path), 'EACCES')
  // The message of a command has the name of the file by that path.
  assert.equal(await readAs(65_534, dataDir), `EACCES ${path}`)
  // Only the mode of the socket keeps that user out.
  await chmod(path, 0o666)
  assert.equal(await connectAs(65_534, path), 'connected')
})
