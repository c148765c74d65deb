import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { hash } from 'bcryptjs'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { CHECKOUT } from './packages.ts'

/** Longest run of one npm command, in ms: it downloads Node itself. */
const NPM_TIMEOUT_MS = 300_000

/** Needs the package registry: the installed package is the one a user gets, Node included. */
test('the packed npm package installs beside an older Node and runs from built JavaScript', async () => {
  await using packed = await makeTempFolder('pack')
  await using project = await makeTempFolder('install')
  await runOk('npm', ['pack', '--pack-destination', packed.path], {
    cwd: CHECKOUT,
    timeoutMs: NPM_TIMEOUT_MS,
  })
  const [tarball = ''] = await readdir(packed.path)
  await writeFile(
    join(project.path, 'package.json'),
    JSON.stringify({ name: 'uses-berth', private: true, allowScripts: { node: true } }),
  )
  await runOk('npm', ['install', join(packed.path, tarball)], {
    cwd: project.path,
    timeoutMs: NPM_TIMEOUT_MS,
  })

  const berth = join(project.path, 'node_modules/.bin/berth')
  // No Node 26 here, and none of the checkout's programs.
  const env = { PATH: '/usr/bin:/bin', HOME: project.path }
  assert.match(await runOk(berth, ['version'], { env, cwd: '/' }), /^berth \d+\.\d+\.\d+ \(node 26\./)
  assert.deepEqual(
    (await readdir(join(project.path, 'node_modules/berth'))).filter((name) => /^(?:src|test)$/.test(name)),
    [],
  )

  // A bcrypt account is checked in a worker, whose file the build must have found.
  const password = randomBytes(12).toString('base64url')
  const htpasswdFile = join(project.path, 'htpasswd')
  await writeFile(htpasswdFile, `carol:${await hash(password, 5)}\n`)
  const port = await findFreePort()
  const address = `127.0.0.1:${port}`
  const settings = ['--data', join(project.path, 'data'), '--listen-http', address]
  for (const workers of ['1', '2']) {
    const server = await startProcess(berth, {
      args: ['serve', ...settings, '--htpasswd-file', htpasswdFile, '--workers', workers],
      env,
      logFile: join(project.path, 'berth.log'),
      isReady: () => isListening(port),
    })
    try {
      const args = ['selftest', `http://${address}`, '--username', 'carol', '--password-stdin']
      assert.match(await runOk(berth, args, { env, input: password }), / works\n$/)
      // A thread checks the copied database.
      const backup = ['--data', join(project.path, 'data'), 'backup', join(project.path, 'backup')]
      assert.match(await runOk(berth, backup, { env }), /is complete/)
    } finally {
      assert.equal(await server.stop(), 0)
    }
  }
})
