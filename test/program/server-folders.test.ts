import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inWords, serversElsewhere } from '../../src/app/data/require-data.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { runCli } from '../support/program/run-cli.ts'

const NO_PROC = existsSync('/proc/self/fd') ? false : 'only Linux shows what runs'
const NO_NAMESPACES =
  existsSync('/usr/bin/unshare') && process.getuid?.() === 0 ? false : 'needs root and unshare'
const PASSWORD = 'correct horse battery'

/** A server with folders outside its data folder, and a way to run commands with its data folder alone. */
async function openHouse(...flags: string[]) {
  const temp = await makeTempFolder('house')
  const path = (...names: string[]): string => join(temp.path, ...names)
  for (const name of ['certs', 'vhost.d', 'elsewhere']) await mkdir(path(name))
  const port = await findFreePort()
  const server = await startProcess(BERTH_BIN, {
    args: ['serve', '--data', path('data'), '--listen-http', `127.0.0.1:${port}`, ...flags],
    cwd: temp.path,
    env: { PATH: process.env.PATH },
    logFile: path('log'),
    isReady: async () => (await isListening(port)) && existsSync(path('data', 'server.json')),
  })
  return {
    path,
    port,
    stop: () => server.stop(),
    run: (args: string, stdin = '') =>
      runCli([...args.split(' '), '--data', path('data')], { cwd: path('elsewhere'), stdin }),
    async [Symbol.asyncDispose]() {
      await server.stop()
      await temp[Symbol.asyncDispose]()
    },
  }
}

async function openDoor() {
  return openHouse(
    ...['--domain', 'registry.example.com', '--certs', 'certs', '--vhost-dir', 'vhost.d', '--acme', 'off'],
    ...['--docker-host', 'off', '--listen-https', `127.0.0.1:${await findFreePort()}`],
  )
}

test('commands find the folders of the server by its data folder alone, also after it has ended', async () => {
  await using house = await openDoor()
  for (const state of ['running', 'ended']) {
    const host = `${state}.example.com`
    const made = await house.run(`cert self-signed ${host}`)
    assert.equal(made.stdout, `Installed as ${house.path('certs', `${host}.crt`)}\n`)
    const listed = await house.run('cert list')
    assert.match(listed.stdout, new RegExp(`^${host} .*${house.path('certs')}`, 'm'))
    await writeFile(house.path('vhost.d', host), 'auth_request /x;\n')
    assert.match((await house.run('site check')).stdout, new RegExp(`vhost\\.d/${host}:1: error:`))
    if (state === 'running') await house.stop()
  }
  assert.equal(existsSync(house.path('data', 'certificates', 'installed')), false)
  assert.deepEqual(await readdir(house.path('elsewhere')), [])
})

test('a certificate beside the folder of the server is warned of', async () => {
  await using house = await openDoor()
  const beside = await house.run('cert self-signed app.example.com --certs other')
  assert.equal(beside.code, 0)
  assert.match(
    beside.stderr,
    /^warning: the server of .*data reads certificates from .*\/certs, not from .*other\n$/,
  )
  const inside = await house.run(`cert self-signed app.example.com --certs ${house.path('certs')}`)
  assert.equal(inside.stderr, '')
})

test('remedies repeat the folders that a command was given', async () => {
  await using house = await openDoor()
  const { stdout } = await house.run('site list')
  assert.match(
    stdout,
    new RegExp(`"berth cert install registry.example.com FILES… --data ${house.path('data')}"`),
    stdout,
  )
  const { stderr } = await house.run('user disable nobody')
  assert.match(stderr, new RegExp(`Run "berth user list --data ${house.path('data')}" to list those`))
})

test('`berth doctor` and `selftest` find the listeners of the server', async () => {
  await using house = await openHouse()
  const doctor = await house.run('doctor')
  assert.match(doctor.stdout, new RegExp(`^ok +ports +127\\.0\\.0\\.1:${house.port} \\(http\\) answers`, 'm'))
  await house.run('user add alice --password-stdin', PASSWORD)
  const tested = await house.run('selftest --username alice --password-stdin', PASSWORD)
  assert.match(tested.stdout, new RegExp(`^http://127\\.0\\.0\\.1:${house.port} works$`, 'm'))
})

test('`berth doctor` and `selftest` without data say where a server runs', { skip: NO_PROC }, async () => {
  await using house = await openHouse()
  const run = (...args: string[]) => runCli(args, { cwd: house.path('elsewhere'), stdin: PASSWORD })
  const doctor = await run('doctor')
  assert.match(
    doctor.stdout,
    /^warning +data +.*elsewhere\/berth-data holds no data of Berth, but a Berth runs/m,
  )
  const tested = await run('selftest', '--username', 'alice', '--password-stdin')
  assert.match(
    tested.stderr,
    /^warning: there is no data .*so http:\/\/127\.0\.0\.1:5000 is tried; a Berth runs/,
  )
})

test('a server in a container is named as one', { skip: NO_NAMESPACES }, async () => {
  await using house = await openHouse()
  await using temp = await makeTempFolder('inside')
  const port = await findFreePort()
  const dataDir = join(temp.path, 'data')
  const server = await startProcess('unshare', {
    args: ['--mount', BERTH_BIN, 'serve', '--data', dataDir, '--listen-http', `127.0.0.1:${port}`],
    env: { PATH: process.env.PATH },
    logFile: join(temp.path, 'log'),
    isReady: () => isListening(port),
  })
  try {
    const found = (await serversElsewhere(house.path('data'))).find((one) => one.dataDir === dataDir)
    assert.equal(found?.isInContainer, true)
    assert.match(inWords(found ? [found] : []), /in a container: run the command there, with "docker exec"$/)
  } finally {
    await server.stop()
  }
})

test('`berth user list` shows the accounts of the htpasswd file of the server', async () => {
  const temp = await makeTempFolder('users')
  await using _temp = temp
  const file = join(temp.path, 'users')
  await writeFile(file, 'carol:$2y$05$AAAAAAAAAAAAAAAAAAAAAOyqC0gtzlvnl6xGFkRtBzVkdFLzfE8UG\n')
  await using house = await openHouse('--htpasswd-file', file)
  assert.match((await house.run('user list')).stdout, /^carol +user +enabled +htpasswd/m)
})

test('`berth cert renew` answers at once where the server asks no CA', async () => {
  await using registry = await openHouse()
  assert.match(
    (await registry.run('cert renew')).stderr,
    /^error\[RENEWAL_REFUSED\]: .* it has no domain\. Start it with/,
  )
  await using door = await openDoor()
  assert.match(
    (await door.run('cert renew')).stderr,
    /^error\[RENEWAL_REFUSED\]: .* acme is off\. Start it without/,
  )
})

test('settings of a server that sees other paths are not used, with a warning', async () => {
  await using house = await openDoor()
  await house.stop()
  await rename(house.path('data'), house.path('moved'))
  const { stderr } = await runCli(['user', 'list', '--data', house.path('moved')])
  assert.match(
    stderr,
    /^warning: the server of .*moved knows this folder as .*data, as in a container, or before it was moved/,
  )
})

test('the record of a server holds no secret and is read by its owner alone', async () => {
  await using house = await openHouse('--acme-eab-hmac-key', 'c2VjcmV0', '--acme-eab-key-id', 'kid')
  const file = house.path('data', 'server.json')
  assert.doesNotMatch(await readFile(file, 'utf8'), /c2VjcmV0/)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
})
